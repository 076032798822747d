"""Options that torch has to understand."""

import torch
import typer

_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}


def device_named(name: str) -> torch.device:
    """The device that an option names; ``auto`` is a GPU where there is one.

    Raises:
        typer.BadParameter: This machine has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        raise typer.BadParameter(
            f"this machine has no device {name}", param_hint="--device"
        ) from error
    return torch.device(name)


def dtype_named(name: str) -> torch.dtype:
    """The type of weights that an option names.

    Raises:
        typer.BadParameter: It is none that models compute in.
    """
    if name not in _DTYPES:
        raise typer.BadParameter(f"{name} is not one of {', '.join(_DTYPES)}", param_hint="--dtype")
    return _DTYPES[name]
