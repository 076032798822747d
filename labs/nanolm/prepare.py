"""The fixed half of the study: text, tokens, clock, evaluation and summary.

Protected: a candidate is judged by this file, so no candidate may change it.

Run it once, ``python prepare.py``. It writes tokens and tokenizer below
``~/.cache/overnight/nanolm``, or where ``NANOLM_CACHE`` says, whole or not at all; what is there
already stays as it is.

The text is the source code of this Python and of the packages installed for it; where the shards of
karpathy/autoresearch are in their cache, it is those. Figures can be compared between runs on one
prepared text, which is known by its digest, and not between texts.
"""

import argparse
import hashlib
import json
import math
import os
import re
import resource
import shutil
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

_LOADED_S = time.perf_counter()
_STATUS = Path("/proc/self/status")  # getrusage also counts what the parent held before exec
CACHE = Path(os.environ.get("NANOLM_CACHE") or "~/.cache/overnight/nanolm").expanduser()
COMPILED = CACHE / "compiled"  # kernels that torch.compile made, for the next run to find
if os.access(COMPILED, os.W_OK):
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(COMPILED))  # before torch is imported

import numpy as np  # noqa: E402 (torch loads it; both come after the line above)
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402, N812 (the name that everybody knows it by)
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: E402
from torch import Tensor  # noqa: E402


class NotPrepared(SystemExit):
    """There is no prepared text; a program that does not expect this ends with the sentence."""


class BadSetting(SystemExit):
    """A variable of the environment is no number that can be used; likewise."""


Number = TypeVar("Number", int, float)


def number_from(name: str, default: Number, *, least: float) -> Number:
    """A number that the environment gives.

    Raises:
        BadSetting: It gives something else.
    """
    text = os.environ.get(name) or str(default)
    wanted = f"{name} is {text!r}; it must be {type(default).__name__}, {least:g} or more."
    try:
        value = type(default)(text)
    except ValueError as error:
        raise BadSetting(wanted) from error
    if not least <= value < math.inf:
        raise BadSetting(wanted)
    return value


TIME_BUDGET_S = number_from("NANOLM_TIME_BUDGET_S", 300.0, least=0.1)  # seconds of training
SEED = number_from("NANOLM_SEED", 1337, least=0)  # here, because a lucky seed is not a finding
MAX_CONTEXT = 4096  # tokens that a model may look back at when it is scored
VOCABULARY = 2048  # tokens, the one that ends a document included
EVAL_BYTES = {"cuda": 4_000_000, "mps": 1_000_000, "cpu": 300_000}  # of text that is scored
EVAL_LOGITS = 2**25  # how many scores of tokens are held at a time

DATA_FORMAT = 1  # to be raised when other files are written than before
MAX_TRAIN_BYTES = 200_000_000
MAX_VALIDATION_BYTES = 4_000_000
TOKENIZER_BYTES = 16_000_000  # of training text that the tokenizer learns from
VALIDATION_SHARE = 0.05  # of the files
FILE_BYTES = range(200, 200_000)  # smaller files say nothing, larger ones are tables
WALKED_APART = {"site-packages", "dist-packages", "__pycache__"}
NOT_TYPICAL = {"test", "tests", "testing", "idle_test", "idlelib", "lib2to3", "turtledemo"}
NOT_CODE = {"encodings", "pydoc_data"}  # tables and prose
SKIPPED_FOLDERS = WALKED_APART | NOT_TYPICAL | NOT_CODE
SHARDS = Path("~/.cache/autoresearch/data").expanduser()
VALIDATION_SHARD = "shard_06542.parquet"  # which autoresearch keeps for validation

Document: TypeAlias = tuple[bool, str]  # whether it is for validation; its text


@dataclass(frozen=True, slots=True)
class Data:
    """The prepared text as tokens; the last token of the vocabulary ends each document.

    Attributes:
        train: Tokens to learn from.
        validation: Tokens of documents that are not in `train`.
        token_bytes: How many bytes of text each token of the vocabulary stands for.
        digest: Of everything above and of the tokenizer.
    """

    train: Tensor
    validation: Tensor
    token_bytes: Tensor
    digest: str

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return len(self.token_bytes)


class Clock(Protocol):
    """What tells training how far it is; `TimeBudget`, or steps counted in a test."""

    def fraction(self) -> float:
        """The share of the budget that is spent."""

    def elapsed_s(self) -> float:
        """Seconds since the start."""


class TimeBudget:
    """The training clock: wall-clock time, with the work that a device still has to do.

    Args:
        device: What trains.
        seconds: How long it may.
    """

    def __init__(self, device: torch.device, seconds: float = TIME_BUDGET_S) -> None:
        self.seconds = seconds
        self._device = device
        synchronize(device)
        self._started_s = time.perf_counter()

    def elapsed_s(self) -> float:
        """Seconds since the clock was made."""
        synchronize(self._device)
        return time.perf_counter() - self._started_s

    def fraction(self) -> float:
        """0 at the start; training is over at 1."""
        return self.elapsed_s() / self.seconds


def best_device() -> torch.device:
    """What is there, in order of speed: a CUDA GPU, Apple's, the processor."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def memory_gb(device: torch.device) -> float:
    """Memory of a GPU in GiB; 0 for a processor."""
    if device.type == "cuda":
        return float(torch.cuda.get_device_properties(device).total_memory) / 2**30
    return float(torch.mps.recommended_max_memory()) / 2**30 if device.type == "mps" else 0.0


def synchronize(device: torch.device) -> None:
    """Wait until a device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


# --- Text ----------------------------------------------------------------------------------------


def python_documents() -> Iterator[Document]:
    """Source files of this Python and its packages, in an order that is random but fixed.

    Order and side depend on what a file holds, so that a copy of it elsewhere changes nothing, and
    any part from the beginning is a fair sample of the whole.
    """
    files = {digest: path for path in python_files() if (digest := file_digest(path)) is not None}
    for digest, path in sorted(files.items()):
        yield is_validation(digest), path.read_text(encoding="utf-8")


def python_files() -> Iterator[Path]:
    """Every file that may be part of the text."""
    places = {Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")}
    for place in sorted(places):
        for folder, subfolders, names in os.walk(place):
            subfolders[:] = sorted(name for name in subfolders if name not in SKIPPED_FOLDERS)
            # _sysconfigdata holds the paths and compiler flags of one machine.
            wanted = (n for n in names if n.endswith(".py") and not n.startswith("_sysconfigdata"))
            yield from (Path(folder) / name for name in sorted(wanted))


def file_digest(path: Path) -> str | None:
    """Of what a file holds; None if it is not to be used: no UTF-8, too small or too large."""
    try:
        if path.stat().st_size not in FILE_BYTES:
            return None
        return hashlib.sha256(path.read_text(encoding="utf-8").encode()).hexdigest()
    except (OSError, UnicodeDecodeError):
        return None


def is_validation(digest: str) -> bool:
    """Which side of the split a file is on."""
    return int(digest[-8:], 16) < VALIDATION_SHARE * 16**8


def shard_documents() -> Iterator[Document]:
    """Documents of autoresearch's shards, those of the shard that it validates on first."""
    import pyarrow.parquet as pq  # noqa: PLC0415 (only those who have the shards need it)

    files = sorted(SHARDS.glob("shard_*.parquet"), key=lambda f: (f.name != VALIDATION_SHARD, f))
    for file in files:
        shard = pq.ParquetFile(file)
        for group in range(shard.num_row_groups):
            for text in shard.read_row_group(group, columns=["text"])["text"].to_pylist():
                yield file.name == VALIDATION_SHARD, text


def has_shards() -> bool:
    """Whether autoresearch has been here: its validation shard and one more."""
    return (SHARDS / VALIDATION_SHARD).exists() and len(list(SHARDS.glob("shard_*.parquet"))) > 1


def capped(documents: Iterable[Document]) -> Iterator[Document]:
    """Documents until either side has enough; a side's last one may go beyond."""
    room = {True: MAX_VALIDATION_BYTES, False: MAX_TRAIN_BYTES}
    for held_out, text in documents:
        if room[held_out] > 0:
            room[held_out] -= len(text.encode())
            yield held_out, text
        if max(room.values()) <= 0:
            return


# --- Tokens --------------------------------------------------------------------------------------


def prepare(*, again: bool = False) -> Path:
    """Write the tokens unless they are there, and give the folder that holds them.

    Args:
        again: Write them anew, such as when other packages are installed now.
    """
    place = data_folder()
    if place.exists() and not again:
        return place
    COMPILED.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=CACHE))
    try:
        source = shard_documents if has_shards() else python_documents
        write_tokens(unfinished, lambda: capped(source()))
        if again:
            shutil.rmtree(place, ignore_errors=True)
        unfinished.rename(place)
    except OSError:
        if not place.exists():  # otherwise another process was faster, which is as well
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return place


def data_folder() -> Path:
    """Where the tokens are, or will be."""
    return CACHE / f"data-{DATA_FORMAT}"


def write_tokens(folder: Path, documents: Callable[[], Iterator[Document]]) -> None:
    """Train a tokenizer, encode all documents, and write both with their digest."""
    print("Learning a tokenizer ...", flush=True)
    tokenizer = trained_tokenizer(_beginning(documents()))
    tokenizer.save(str(folder / "tokenizer.json"))
    print("Writing the text as tokens, which takes longest ...", flush=True)
    end = tokenizer.get_vocab_size()  # no text can spell a token that the tokenizer does not know
    with (folder / "train.bin").open("wb") as train, (folder / "val.bin").open("wb") as validation:
        for batch in _batches(documents(), 256):
            encoded = tokenizer.encode_batch_fast([text for _, text in batch])
            for (held_out, _), encoding in zip(batch, encoded, strict=True):
                tokens = np.array([*encoding.ids, end], dtype="<u2")
                (validation if held_out else train).write(tokens.tobytes())
    # One character of a token's name stands for one byte.
    names = sorted(tokenizer.get_vocab().items(), key=itemgetter(1))
    sizes = [len(name) for name, _ in names]
    digest = hashlib.sha256()
    for name in ("tokenizer.json", "train.bin", "val.bin"):
        digest.update((folder / name).read_bytes())
    about = {"digest": digest.hexdigest(), "token_bytes": [*sizes, 0]}
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")


def trained_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """A byte-level BPE of at most `VOCABULARY - 1` tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 1,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def load_data(device: torch.device) -> Data:
    """The prepared text, on a device.

    Raises:
        NotPrepared: There is none.
    """
    folder = data_folder()
    try:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotPrepared(f"There is no {folder}. Run `python prepare.py` once.") from error
    train, validation = (
        torch.from_numpy(np.fromfile(folder / name, dtype="<u2").astype(np.int32)).to(device)
        for name in ("train.bin", "val.bin")
    )
    token_bytes = torch.tensor(about["token_bytes"], device=device)
    return Data(train, validation, token_bytes, about["digest"])


def _beginning(documents: Iterable[Document]) -> Iterator[str]:
    """The training texts that the tokenizer learns from."""
    size = 0
    for held_out, text in documents:
        if not held_out:
            yield text
            size += len(text)
        if size >= TOKENIZER_BYTES:
            return


def _batches(documents: Iterator[Document], size: int) -> Iterator[Sequence[Document]]:
    while batch := list(islice(documents, size)):
        yield batch


# --- Evaluation ----------------------------------------------------------------------------------


def evaluate_bpb(logits_of: Callable[[Tensor], Tensor], data: Data, *, context: int) -> float:
    """Bits per byte of a model on the validation text; lower is better.

    The text is cut into rows of `context` tokens, and each token is predicted from those before it
    in its row. So every model is scored on the same bytes, whatever it can look back at.

    Args:
        logits_of: Maps tokens (B, T) to scores (B, T, vocabulary) of the token after each.
        context: T, at most `MAX_CONTEXT`.

    Raises:
        ValueError: The scores have another shape, are not finite, or know what comes later.
    """
    if not 1 <= context <= MAX_CONTEXT:
        raise ValueError(f"a context of {context} tokens; it must be 1 to {MAX_CONTEXT}")

    def nats_of(tokens: Tensor, targets: Tensor) -> Tensor:
        logits = logits_of(tokens)
        if logits.shape != (*tokens.shape, data.vocabulary):
            raise ValueError(f"scores {tuple(logits.shape)} for tokens {tuple(tokens.shape)}")
        flat = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="none")
        return flat.view_as(targets)

    rows = max(1, EVAL_LOGITS // (context * data.vocabulary))
    with torch.inference_mode():
        _refuse_foresight(logits_of, data.validation[: 2 * context].view(2, context), data)
        return bits_per_byte(nats_of, data, context=context, rows=rows)


def bits_per_byte(
    nats_of: Callable[[Tensor, Tensor], Tensor], data: Data, *, context: int, rows: int
) -> float:
    """What a predictor needs for each byte of the validation text.

    Args:
        nats_of: Maps tokens and the token after each (B, T) to the cost of the latter (B, T).
        rows: B.

    Raises:
        ValueError: A cost is not finite.
    """
    tokens = scored_tokens(data)
    missing = -len(tokens) % (context * rows)  # filled up with ends of documents: free
    filled = F.pad(tokens, (1, missing), value=data.vocabulary - 1)
    nats, size = 0.0, 0
    shape = (-1, rows, context)
    for inputs, targets in zip(filled[:-1].view(shape), filled[1:].view(shape).long(), strict=True):
        weights = data.token_bytes[targets]
        nats += float(nats_of(inputs, targets)[weights > 0].sum())
        size += int(weights.sum())
    if not math.isfinite(nats):
        raise ValueError(f"the cost of the validation text is {nats}")
    return nats / size / math.log(2)


def scored_tokens(data: Data) -> Tensor:
    """The beginning of the validation text, as much of it as a device of this kind scores."""
    sizes = data.token_bytes[data.validation].cumsum(0)
    enough = int((sizes < EVAL_BYTES[data.validation.device.type]).sum()) + 1
    return data.validation[:enough]


def _refuse_foresight(logits_of: Callable[[Tensor], Tensor], tokens: Tensor, data: Data) -> None:
    """Change the second half of some rows, which must not change what is said of the first."""
    half = tokens.size(1) // 2
    other = tokens.clone()
    other[:, half:] = (other[:, half:] + 1) % data.vocabulary
    change = (logits_of(tokens)[:, :half] - logits_of(other)[:, :half]).abs()
    if change.numel() and not float(change.max()) <= 0.05:  # so that NaN is refused too
        raise ValueError("the scores of a token depend on tokens that come after it")


# --- What a run reports --------------------------------------------------------------------------


def matmul_peak_flops(device: torch.device, dtype: torch.dtype) -> float:
    """The most floating-point operations per second that a product of two large matrices gets."""
    size = {"cuda": 8192, "mps": 4096}.get(device.type, 1024)
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    best, repeats = 0.0, 10 if device.type == "cuda" else 2
    for _ in range(5):  # the first ones are for warming up
        clock = TimeBudget(device)
        for _ in range(repeats):
            torch.mm(a, b)
        best = max(best, 2 * size**3 * repeats / clock.elapsed_s())
    return best


def peak_memory_mb(device: torch.device) -> float:
    """The most memory that this process held, in MiB: of the GPU where there is one."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device)) / 2**20
    if device.type == "mps":
        return float(torch.mps.driver_allocated_memory()) / 2**20  # now, since there is no peak
    if _STATUS.exists() and (found := re.search(r"^VmHWM:\s*(\d+) kB", _STATUS.read_text(), re.M)):
        return int(found[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def total_seconds() -> float:
    """Wall-clock seconds since this module was loaded."""
    return time.perf_counter() - _LOADED_S


def print_summary(metrics: Mapping[str, float | int]) -> None:
    """The block of ``name: value`` lines that the harness reads."""
    print("---")
    for name, value in metrics.items():
        print(f"{name}: {value:.6f}" if isinstance(value, float) else f"{name}: {value}")
    sys.stdout.flush()


def main() -> None:
    """Prepare the text, and say what it is."""
    parser = argparse.ArgumentParser(description="Prepare the text of the study.")
    parser.add_argument("--again", action="store_true", help="although it is there already")
    place = prepare(again=parser.parse_args().again)
    data = load_data(torch.device("cpu"))
    held_out = int(data.token_bytes[data.validation].sum())
    print(f"folder: {place}")
    print(f"digest: {data.digest}")
    print(f"training tokens: {len(data.train):,}")
    print(f"validation tokens: {len(data.validation):,} of {held_out:,} bytes")
    print(f"vocabulary: {data.vocabulary:,}")


if __name__ == "__main__":
    main()
