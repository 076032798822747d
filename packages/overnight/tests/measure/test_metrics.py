import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.measure.metrics import Fault, FaultKind, Reading, read_metrics

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_./-]{0,20}", fullmatch=True)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
REPORTS = {
    "colon": "{name}: {value!r}",
    "tight colon": "{name}:{value!r}",
    "equals": "{name}={value!r}",
    "spaced equals": "  {name} = {value!r} \t",
    "json": '{{"{name}": {value!r}}}',
    "json among others": '{{"other": "text", "{name}": {value!r}, "list": [1, 2]}}',
}


def fault_of(reading: Reading, name: str = "loss") -> Fault:
    found = reading.look_up(name)
    assert isinstance(found, Fault), found
    return found


# Every form carries every number.


@pytest.mark.parametrize("form", REPORTS.values(), ids=REPORTS)
@given(name=NAMES.filter(lambda name: name not in ("other", "list")), value=NUMBERS)
def test_each_form_carries_any_finite_number(form: str, name: str, value: float) -> None:
    reading = read_metrics("before\n" + form.format(name=name, value=value) + "\nafter")
    assert reading.values == {name: value}
    assert reading.counts[name] == 1


@given(values=st.dictionaries(NAMES, NUMBERS, max_size=8), indent=st.none() | st.integers(0, 4))
def test_the_file_carries_any_finite_number(values: dict[str, float], indent: int | None) -> None:
    reading = read_metrics(b"", json.dumps(values, indent=indent).encode())
    assert (reading.values, reading.faults, reading.file_problem) == (values, {}, "")


@given(
    reports=st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "a.b"]), NUMBERS, st.sampled_from([*REPORTS.values()])
        ),
        max_size=12,
    ),
    line_end=st.sampled_from(["\n", "\r", "\r\n", "\n\n"]),
)
def test_the_last_report_counts(reports: list[tuple[str, float, str]], line_end: str) -> None:
    output = line_end.join(form.format(name=name, value=value) for name, value, form in reports)
    reading = read_metrics(output)
    assert reading.values == {name: value for name, value, _ in reports}
    for name, value in reading.values.items():
        assert reading.look_up(name) == value
        assert reading.counts[name] == sum(name == other for other, _, _ in reports)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1.0), ("-0.5", -0.5), ("+3.", 3.0), (".25", 0.25), ("1e-3", 0.001), ("2E+4", 2e4)],
)
def test_numbers_as_programs_print_them(text: str, value: float) -> None:
    assert read_metrics(f"loss: {text}").look_up("loss") == value


def test_levels_of_json_are_joined_with_dots() -> None:
    reading = read_metrics('{"eval": {"loss": 1.5, "by task": {"x": 1}, "task": {"x": 2}}}')
    assert reading.values == {"eval.loss": 1.5, "eval.task.x": 2.0}


# Nothing else is a report.


@given(
    lines=st.lists(
        st.text(max_size=60).map(lambda text: f"> {text}") | st.binary(max_size=60).map(repr),
        max_size=20,
    )
)
def test_lines_of_another_form_never_invent_a_metric(lines: list[str]) -> None:
    one_a_line = "\n".join(" ".join(f"> {line}".split()) for line in lines)
    reading = read_metrics(one_a_line)
    assert (reading.values, reading.faults) == ({}, {})


@given(noise=st.binary(max_size=500))
def test_no_bytes_are_too_odd_to_read(noise: bytes) -> None:
    read_metrics(noise, noise)
    assert read_metrics(noise + b"\nloss: 1.5").look_up("loss") == 1.5


@pytest.mark.parametrize(
    "line",
    [
        "val_loss: 1",
        "loss_ema: 1",
        "loss.mean=1",
        "step 3 loss: 1",
        "step=3 loss=1",
        "[rank0] loss: 1",
        "loss 1",
        "loss",
        "LOSS: 1",
        "{'loss': 1}",
        '{"loss": 1',
        '[{"loss": 1}]',
        '{"my": {"loss": 1}}',
        "loss" + " " * 20 + "\nof : 1",
        "loss:" + "1" * 5000,
        '{"loss": 1, "x": "' + "x" * 5000 + '"}',
    ],
)
def test_a_name_counts_only_exactly_and_alone(line: str) -> None:
    assert fault_of(read_metrics(line)).kind is FaultKind.MISSING


def test_a_word_of_megabytes_is_no_name() -> None:
    assert not read_metrics("x" * 3_000_000 + ": 1").counts


# What a terminal shows.


def test_progress_lines_and_colours_are_seen_through() -> None:
    output = b"loss: 9\r\x1b[2Kloss: 8\r\x1b[32mloss\x1b[0m: \x1b[1;31m7.5\x1b[0m\r\n"
    reading = read_metrics(output)
    assert reading.look_up("loss") == 7.5
    assert reading.counts["loss"] == 3


def test_a_window_title_is_no_text() -> None:
    assert read_metrics(b"\x1b]0;training\x07loss: 2").look_up("loss") == 2.0
    assert read_metrics(b"\x1b]0;training\x1b\\loss: 2").look_up("loss") == 2.0


def test_bytes_that_are_not_utf8_pass_by() -> None:
    assert read_metrics(b"\xff\xfe\nloss: 2\n\x80: 3").values == {"loss": 2.0}


# Faults.


@pytest.mark.parametrize("text", ["nan", "NaN", "-nan"])
def test_nan_is_a_fault_of_its_own(text: str) -> None:
    fault = fault_of(read_metrics(f"loss: {text}"))
    assert fault.kind is FaultKind.NOT_A_NUMBER
    assert fault.explanation == f"loss is not a number ({text}): the run has likely diverged."


@pytest.mark.parametrize("text", ["inf", "-inf", "Infinity", "1e999"])
def test_infinity_is_a_fault_of_its_own(text: str) -> None:
    fault = fault_of(read_metrics(f"loss={text}"))
    assert fault.kind is FaultKind.INFINITE
    assert fault.explanation == f"loss is infinite ({text}): the run has likely diverged."


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("NaN", FaultKind.NOT_A_NUMBER),
        ("-Infinity", FaultKind.INFINITE),
        ("1e999", FaultKind.INFINITE),
        ("1" * 400, FaultKind.INFINITE),
        ("true", FaultKind.UNREADABLE),
        ("null", FaultKind.UNREADABLE),
        ('"0.5"', FaultKind.UNREADABLE),
        ("[0.5]", FaultKind.UNREADABLE),
    ],
)
def test_json_has_the_same_faults(text: str, kind: FaultKind) -> None:
    report = f'{{"loss": {text}}}'
    assert fault_of(read_metrics(report)).kind is kind
    assert fault_of(read_metrics(b"", report.encode())).kind is kind


@pytest.mark.parametrize(
    "text", ["1,234.5", "12.3%", "0.99 (best)", "1_000", "0x1p3", "", "1.2.3", "٣", "1 2", "=3"]
)
def test_text_that_is_no_number_is_shown(text: str) -> None:
    fault = fault_of(read_metrics(f"loss: {text}"))
    assert fault.kind is FaultKind.UNREADABLE
    assert fault.explanation == (
        f"loss was reported as {text!r}, which is no number. Print the bare number: 'loss: 0.98'."
    )


def test_shown_text_is_short_and_harmless() -> None:
    fault = fault_of(read_metrics(b"loss: \x00\x07\xff" + b"x" * 1000))
    assert fault.text.isprintable()
    assert len(fault.text) < 100


def test_the_last_report_counts_for_faults_too() -> None:
    assert fault_of(read_metrics("loss: 1.0\nloss: nan")).kind is FaultKind.NOT_A_NUMBER
    assert read_metrics("loss: nan\nloss: much\nloss: 1.0").look_up("loss") == 1.0


def test_what_is_missing_comes_with_what_resembles_it() -> None:
    fault = fault_of(read_metrics("my_val_bpb: 1\nval_bpb_ema: 2\nunrelated: 3"), "val_bpb")
    assert fault.near_misses == ("my_val_bpb", "val_bpb_ema")
    assert fault.explanation == (
        "The run reported no val_bpb. Did you mean my_val_bpb or val_bpb_ema? "
        "Print it on a line of its own, 'val_bpb: 0.98', or write "
        '{"val_bpb": 0.98} to the file at $OVERNIGHT_METRICS.'
    )


def test_nothing_similar_is_no_suggestion() -> None:
    assert "Did you mean" not in fault_of(read_metrics("q: 1")).explanation


# The file.


def test_the_file_goes_before_the_output() -> None:
    reading = read_metrics("loss: 1\nstep: 2\nloss: 3", b'{"loss": 4}')
    assert reading.values == {"loss": 4.0, "step": 2.0}
    assert reading.counts == {"loss": 3, "step": 1}
    assert fault_of(read_metrics("loss: 1", b'{"loss": NaN}')).kind is FaultKind.NOT_A_NUMBER


def test_the_file_may_have_an_object_a_line() -> None:
    reading = read_metrics(b"", b'{"loss": 4, "step": 1}\n\n{"loss": 3}\r\n')
    assert (reading.values, reading.file_problem) == ({"loss": 3.0, "step": 1.0}, "")


@pytest.mark.parametrize(
    ("content", "line"), [(b'{"step": 4}\n{"loss": ', 2), (b"[1]", 1), (b"\xff", 1), (b"7", 1)]
)
def test_a_broken_file_is_told_when_something_is_missing(content: bytes, line: int) -> None:
    problem = f"Line {line} of the metrics file is no JSON object."
    reading = read_metrics(b"other: 1", content)
    assert reading.file_problem == problem
    assert problem in fault_of(reading).explanation
    assert read_metrics(b"loss: 1", content).look_up("loss") == 1.0


def test_an_empty_file_is_no_problem() -> None:
    assert read_metrics(b"loss: 1", b"") == read_metrics(b"loss: 1")


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_depth_is_no_danger(opening: bytes) -> None:
    deep = opening * 100_000
    assert read_metrics(deep + b"\nloss: 1", deep).look_up("loss") == 1.0


# Size.


@pytest.mark.parametrize(
    "piece",
    [
        b"step 1200 | loss 3.1234 | lr 1.0e-03 | tok/s 123456\n" * 30 + b"loss: 2.5\n",
        b"\x1b[1mepoch 3\x1b[0m 45%|####      | 450/1000 [00:12<00:15, 36.1it/s]\r" * 30,
        b"x" * 1_000_000,
        b"loss " * 100_000,
        b'{"step": 1, "loss": 2.5, "text": "' + b"x" * 200 + b'"}\n',
    ],
    ids=["lines", "progress bar", "one word", "one line", "json"],
)
def test_a_long_night_reads_in_seconds(piece: bytes) -> None:
    output = piece * (16 * 2**20 // len(piece))
    started_at = time.process_time()
    read_metrics(output)
    assert time.process_time() - started_at < 5.0
