"""What CUDA's errors mean inside a sandbox, and what mends them: text in, a fix out."""

import re

_SEE = "Look at `nvidia-smi` and `dmesg | grep -i -e nvrm -e xid`."
_KNOWN = (
    (
        r"error 304|operating_system|os call failed|error 999|cuda_error_unknown|unknown error",
        "CUDA cannot open its device nodes: run `sudo nvidia-modprobe -u -c=0` (after a suspend"
        " `sudo rmmod nvidia_uvm && sudo modprobe nvidia_uvm`), and list other nodes that it"
        " needs in sandbox.devices.",
    ),
    (
        r"driver.*too old|insufficient_driver|insufficient for|error 35\b",
        "Update the driver, or install the framework for an older CUDA.",
    ),
    (
        r"error 803|driver_mismatch|version mismatch",
        "The driver's library and kernel module differ since an update: reboot.",
    ),
    (
        r"error 804|compat_not_supported",
        "Take cuda-compat off LD_LIBRARY_PATH: this GPU does not support forward compatibility.",
    ),
    (
        r"error 802|not_ready|not yet initialized",
        "Start the fabric manager: `sudo systemctl start nvidia-fabricmanager`.",
    ),
    (
        r"out of memory|out_of_memory|error 2\b",
        "Another process holds the GPU's memory: `nvidia-smi` shows which.",
    ),
    (
        r"no kernel image|error 209|not compatible with the current",
        "The framework has no code for this GPU: install a newer version of it.",
    ),
    (
        r"built without cuda|not compiled with cuda",
        "Install the framework's build for CUDA: https://pytorch.org/get-started/locally.",
    ),
    (
        r"no cuda-capable|no_device|error 100\b|no cuda gpus",
        "Look at CUDA_VISIBLE_DEVICES in [measure] env and in your environment; the leased GPU is"
        " the only one inside.",
    ),
    (
        r"libcuda\.so",
        "Install the driver's libraries, or show their directory with sandbox.read.",
    ),
)


def how_to_mend(error: str) -> str:
    """What to do about an error of CUDA's."""
    lowered = error.lower()
    return next((fix for pattern, fix in _KNOWN if re.search(pattern, lowered)), _SEE)
