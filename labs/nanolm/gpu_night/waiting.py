"""A run that has loaded torch already, and waits for the seed on its standard input.

Started in a folder that holds a ``train.py``, while another run still trains: loading torch takes
nearly as long as a short training.
"""

import runpy
import sys
import time
from pathlib import Path

LAB = Path(__file__).parents[1]


def main() -> None:
    """Load, wait, train; without a seed nothing is trained."""
    sys.path[0] = str(LAB)
    import prepare  # noqa: PLC0415 (first, since it says where compiled kernels are kept)
    import torch  # noqa: PLC0415

    if torch.version.cuda:
        import torch._inductor.compile_fx  # noqa: PLC0415 (slow to load, and needed there only)
    if seed := sys.stdin.readline():
        prepare.SEED = int(seed)
        prepare._LOADED_S = time.perf_counter()  # the wait is no part of the run
        runpy.run_path("train.py", run_name="__main__")


if __name__ == "__main__":
    main()
