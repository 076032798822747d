"""Lets the GPU compute something, with torch where it can be imported, else with the driver.

Runs on the study's own interpreter where that is known. Prints who computed, on what, and what
went wrong; all is well where ``error`` is empty.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import sys
from typing import Any

_BYTES = 1 << 20
_PATTERN = 0x5A5A5A5A


class Refused(Exception):
    """The driver answered with an error."""


def with_torch(torch: Any) -> dict[str, Any]:
    """Multiply two matrices and hold the product against the processor's."""
    found = {"by": f"torch {torch.__version__}", "cuda": torch.version.cuda or "", "error": ""}
    if torch.version.cuda is None and getattr(torch.version, "hip", None) is None:
        return {**found, "error": "this torch is built without CUDA"}
    try:
        torch.cuda.init()
        found["name"] = torch.cuda.get_device_name(0)
        ours = torch.arange(512 * 512, dtype=torch.float32).reshape(512, 512) % 7
        theirs = (ours.cuda() @ ours.cuda()).cpu()
        if not torch.allclose(theirs, ours @ ours, rtol=1e-2):
            found["error"] = "the GPU's product of two matrices is wrong"
    except (RuntimeError, AssertionError) as error:
        found["error"] = " ".join(str(error).split())
    return found


def with_driver() -> dict[str, Any]:
    """Fill memory of the device and read it back."""
    found = {"by": "the CUDA driver", "cuda": "", "error": ""}
    try:
        found["name"] = fill_and_read(ctypes.CDLL("libcuda.so.1"))
    except OSError as error:
        found["error"] = f"libcuda.so.1 cannot be loaded: {error}"
    except Refused as error:
        found["error"] = str(error)
    return found


def fill_and_read(library: ctypes.CDLL) -> str:
    """The name of the first device, once it has shown that its memory works."""
    device, context, place = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
    name = ctypes.create_string_buffer(128)
    back = (ctypes.c_uint32 * (_BYTES // 4))()
    steps: list[tuple[Any, ...]] = [
        ("cuInit", 0),
        ("cuDeviceGet", ctypes.byref(device), 0),
        ("cuDeviceGetName", name, len(name), device),
        ("cuDevicePrimaryCtxRetain", ctypes.byref(context), device),
        ("cuCtxSetCurrent", context),
        ("cuMemAlloc_v2", ctypes.byref(place), ctypes.c_size_t(_BYTES)),
        ("cuMemsetD32_v2", place, ctypes.c_uint(_PATTERN), ctypes.c_size_t(len(back))),
        ("cuMemcpyDtoH_v2", back, place, ctypes.c_size_t(_BYTES)),
        ("cuMemFree_v2", place),
    ]
    for function, *arguments in steps:
        check(library, function, getattr(library, function)(*arguments))
    if set(back) != {_PATTERN}:
        raise Refused("what the GPU wrote into its memory is not what is there")
    return name.value.decode()


def check(library: ctypes.CDLL, function: str, code: int) -> None:
    """Raise what a code of the driver's means."""
    if code != 0:
        told = ctypes.c_char_p()
        library.cuGetErrorName(code, ctypes.byref(told))
        raise Refused(f"{function}: {(told.value or b'unknown').decode()} (error {code})")


def main() -> None:
    """Print what was found."""
    del sys.path[0]  # where this file is; nothing beside it is meant by an import
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        found = with_driver()
    else:
        found = with_torch(torch)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
