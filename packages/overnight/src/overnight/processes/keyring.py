"""The kernel's session keyring, which every process inherits and no namespace takes away."""

import ctypes
import os
import sys

KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "ppc64le": 271}  # <asm/unistd.h>
JOIN_SESSION_KEYRING = 1  # <linux/keyctl.h>


def renew_session_keyring() -> None:
    """Give this process, and what it starts from now on, an empty session keyring.

    Where there are no keyrings nothing is done.
    """
    number = KEYCTL.get(os.uname().machine)
    if number is not None and sys.platform == "linux":
        ctypes.CDLL(None).syscall(number, JOIN_SESSION_KEYRING, None)
