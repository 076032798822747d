"""The fixed half: the split, what is written, and that the metric measures what it says."""

import json
import math
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.usefixtures("small_text", "cache")


def test_the_sides_share_no_text_and_copies_stay_together(
    prepare: ModuleType, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list(prepare.python_documents())
    train = {text for held_out, text in before if not held_out}
    validation = {text for held_out, text in before if held_out}
    assert len(train) + len(validation) == 120
    assert 10 < len(validation) < 60
    assert not train & validation

    copies = [tmp_path / f"other_name_{n}.py" for n in range(120)]
    for copy, file in zip(copies, library.glob("*.py"), strict=True):
        copy.write_bytes(file.read_bytes())
    monkeypatch.setattr(prepare, "python_files", lambda: iter([*library.glob("*.py"), *copies]))
    assert list(prepare.python_documents()) == before


def test_the_text_is_of_this_python(prepare: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    names = {str(path) for path in prepare.python_files()}
    library = Path(sysconfig.get_path("stdlib"))
    assert str(library / "argparse.py") in names
    assert str(Path(json.__file__)) in names
    assert any("site-packages" in name or "dist-packages" in name for name in names)
    assert not any("/tests/" in name for name in names)


@pytest.mark.parametrize("content", [b"\xff\xfe" * 500, b"x", b"x = 1\n" * 50_000], ids=len)
def test_files_that_are_no_typical_text_are_left_out(
    prepare: ModuleType, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "file.py").write_bytes(content)
    assert prepare.file_digest(tmp_path / "file.py") is None
    assert prepare.file_digest(tmp_path / "missing.py") is None


def test_what_is_there_stays_and_a_new_one_is_the_same(
    prepare: ModuleType, torch: ModuleType, cache: Path
) -> None:
    place = prepare.prepare()
    first = prepare.load_data(torch.device("cpu"))
    written = (place / "train.bin").stat().st_mtime_ns
    assert prepare.prepare() == place
    assert (place / "train.bin").stat().st_mtime_ns == written
    assert prepare.prepare(again=True) == place
    assert (place / "train.bin").stat().st_mtime_ns > written
    assert prepare.load_data(torch.device("cpu")).digest == first.digest
    assert sorted(path.name for path in cache.iterdir()) == ["compiled", place.name]


def test_a_failure_leaves_nothing_behind(
    prepare: ModuleType, torch: ModuleType, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(prepare, "write_tokens", break_off)
    with pytest.raises(OSError, match="no space"):
        prepare.prepare()
    assert [path.name for path in cache.iterdir()] == ["compiled"]
    with pytest.raises(prepare.NotPrepared, match=r"prepare\.py"):
        prepare.load_data(torch.device("cpu"))


def test_tokens_spell_the_text(prepare: ModuleType, torch: ModuleType) -> None:
    data = _data(prepare, torch)
    tokenizer = prepare.Tokenizer.from_file(str(prepare.data_folder() / "tokenizer.json"))
    end = data.vocabulary - 1
    for side, tokens in ((False, data.train), (True, data.validation)):
        texts = [text for held_out, text in prepare.python_documents() if held_out is side]
        assert int((tokens == end).sum()) == len(texts)
        assert tokenizer.decode(tokens[tokens != end].tolist()) == "".join(texts)
        assert int(data.token_bytes[tokens].sum()) == sum(len(text.encode()) for text in texts)


def test_caps_cut_between_documents(prepare: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "MAX_TRAIN_BYTES", 5_000)
    monkeypatch.setattr(prepare, "MAX_VALIDATION_BYTES", 2_000)
    everything, some = (list(f(prepare.python_documents())) for f in (list, prepare.capped))
    train, validation = (
        sum(len(text) for held_out, text in some if held_out is side) for side in (False, True)
    )
    assert 5_000 <= train < 8_000
    assert 2_000 <= validation < 5_000
    assert [document for document in everything if document in some] == some


def test_autoresearch_shards_are_taken_where_they_are(
    prepare: ModuleType, torch: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "SHARDS", tmp_path)
    shards = {"shard_00000.parquet": ["one " * 99, "two " * 99], "shard_00001.parquet": ["drei"]}
    for name, texts in shards.items():
        pq.write_table(pa.table({"text": texts}), tmp_path / name, row_group_size=1)
    assert not prepare.has_shards()
    pq.write_table(pa.table({"text": ["held out"]}), tmp_path / "shard_06542.parquet")
    assert prepare.has_shards()
    assert list(prepare.shard_documents()) == [
        (True, "held out"),
        (False, "one " * 99),
        (False, "two " * 99),
        (False, "drei"),
    ]
    assert int((_data(prepare, torch).train == prepare.load_data("cpu").vocabulary - 1).sum()) == 3


@pytest.mark.parametrize(("context", "rows"), [(16, 1), (64, 3), (1000, 2)])
def test_the_cost_of_a_fixed_predictor_does_not_depend_on_vocabulary_or_shape(
    prepare: ModuleType,
    torch: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    context: int,
    rows: int,
) -> None:
    """A predictor of bytes says the same of a text, however the text is cut into tokens."""
    found = []
    for vocabulary in (270, 380):
        monkeypatch.setattr(prepare, "VOCABULARY", vocabulary)
        prepare.prepare(again=True)
        data = prepare.load_data(torch.device("cpu"))
        assert data.vocabulary == vocabulary
        nats = torch.tensor([_nats(text) for text in _spellings(prepare, data)])
        bpb = prepare.bits_per_byte(
            lambda _, targets, nats=nats: nats[targets], data, context=context, rows=rows
        )
        found.append(bpb)
    text = "".join(text for held_out, text in prepare.python_documents() if held_out)
    assert found == pytest.approx([_nats(text) / len(text) / math.log(2)] * 2, rel=1e-5)


def test_knowing_nothing_costs_the_vocabulary(prepare: ModuleType, torch: ModuleType) -> None:
    data = _data(prepare, torch)
    bpb = prepare.evaluate_bpb(_uniform(torch, data), data, context=50)
    scored = data.validation[data.token_bytes[data.validation] > 0]
    tokens_per_byte = len(scored) / int(data.token_bytes[scored].sum())
    assert bpb == pytest.approx(math.log2(data.vocabulary) * tokens_per_byte, rel=1e-5)


def test_no_more_is_scored_than_the_device_can_do(
    prepare: ModuleType, torch: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _data(prepare, torch)
    monkeypatch.setattr(prepare, "EVAL_BYTES", {"cpu": 1_000})
    scored = prepare.scored_tokens(data)
    assert torch.equal(scored, data.validation[: len(scored)])
    assert 1_000 <= int(data.token_bytes[scored].sum()) < 1_030


def test_foresight_is_refused(prepare: ModuleType, torch: ModuleType) -> None:
    data = _data(prepare, torch)

    def peeks(tokens: Any) -> Any:
        return 9.0 * torch.nn.functional.one_hot(tokens.roll(-1, 1).long(), data.vocabulary)

    with pytest.raises(ValueError, match="come after"):
        prepare.evaluate_bpb(peeks, data, context=32)


def test_scores_that_cannot_be_are_refused(prepare: ModuleType, torch: ModuleType) -> None:
    data = _data(prepare, torch)
    uniform = _uniform(torch, data)
    with pytest.raises(ValueError, match="scores"):
        prepare.evaluate_bpb(lambda tokens: uniform(tokens)[..., :-1], data, context=32)
    with pytest.raises(ValueError, match=r"cost|come after"):
        prepare.evaluate_bpb(lambda tokens: uniform(tokens) + math.nan, data, context=32)
    with pytest.raises(ValueError, match="context"):
        prepare.evaluate_bpb(uniform, data, context=prepare.MAX_CONTEXT + 1)


@pytest.mark.parametrize("given", ["1m", "nan", "inf", "-2", "0", "0.5"])
def test_settings_that_are_no_use_end_with_a_sentence(
    prepare: ModuleType, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("GIVEN", given)
    with pytest.raises(SystemExit, match=f"^GIVEN is '{given}'; it must be int, 1 or more"):
        prepare.number_from("GIVEN", 5, least=1)
    monkeypatch.setenv("GIVEN", "")
    assert prepare.number_from("GIVEN", 5, least=1) == 5
    monkeypatch.setenv("GIVEN", "2")
    assert prepare.number_from("GIVEN", 5.0, least=1) == 2.0


def test_the_clock_runs_out(prepare: ModuleType, torch: ModuleType) -> None:
    clock = prepare.TimeBudget(torch.device("cpu"), 0.02)
    assert clock.fraction() < 1
    while clock.fraction() < 1:
        pass
    assert clock.elapsed_s() >= 0.02
    assert prepare.TimeBudget(torch.device("cpu")).seconds == 0.3


def _data(prepare: ModuleType, torch: ModuleType) -> Any:
    prepare.prepare()
    return prepare.load_data(torch.device("cpu"))


def _uniform(torch: ModuleType, data: Any) -> Any:
    return lambda tokens: torch.zeros(*tokens.shape, data.vocabulary)


def _spellings(prepare: ModuleType, data: Any) -> list[str]:
    tokenizer = prepare.Tokenizer.from_file(str(prepare.data_folder() / "tokenizer.json"))
    return [tokenizer.decode([token]) for token in range(data.vocabulary - 1)] + [""]


def _nats(text: str) -> float:
    """What a predictor that knows how often letters are, roughly, pays for a text."""
    return sum(1.0 + (ord(letter) % 7) / 2 for letter in text)
