"""`overnight compare` as a command: what it prints, writes, goes on with and refuses."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

import pytest
import typer
from typer.testing import CliRunner, Result

from overnight.cli.compare import compare
from overnight.errors import DeviceMissing, OvernightError, StudyFileError
from overnight.ledger.store import Ledger
from overnight.testing.studies import TinyStudy

from .conftest import scripted

Call = Callable[..., Result]
ARMS = [scripted("good", [0.9, 0.8]), scripted("poor", [0.95, 1.1])]


@pytest.fixture
def call(study: TinyStudy) -> Call:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(compare)

    def call(*arguments: str) -> Result:
        where = ("--study", str(study.root), "--plain")
        return CliRunner().invoke(app, [*arguments, *where], catch_exceptions=False)

    return call


def table(**more: object) -> Mapping[str, object]:
    names = ("name", "kind", "options")
    arms = [{name: getattr(arm, name) for name in names} for arm in ARMS]
    return {"arms": arms, "runs": 2, "budget": {"trials": 2}, **more}


def test_the_study_file_says_what_is_compared(study: TinyStudy, call: Call) -> None:
    study.configure(compare=table())
    result = call()
    assert result.exit_code == 0
    assert "The result of good measured 0.15" in result.stdout
    written = sorted(path.name for path in study.layout.state.glob("comparison-1.*"))
    assert written == ["comparison-1.json", "comparison-1.md", "comparison-1.png"]
    assert (study.layout.state / "comparison-1.png").read_bytes().startswith(b"\x89PNG")


def test_a_report_can_be_had_again_and_for_scripts(study: TinyStudy, call: Call) -> None:
    study.configure(compare=table())
    call()
    facts = json.loads(call("--report", "1", "--json").stdout)
    assert [arm["name"] for arm in facts["arms"]] == ["good", "poor"]
    assert facts["pairs"][0]["results"]["gain"] == pytest.approx(0.15)
    with pytest.raises(OvernightError, match="There is no comparison 2"):
        call("--report", "2")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--arm", "tune"), "at least two arms"),
        (("--arm", "tune", "--arm", "replay"), "how long each arm may go on"),
        (("--resume",), "No comparison is under way"),
        (("--abandon",), "No comparison is under way"),
        ((), "No comparison is under way"),
    ],
)
def test_what_cannot_be_is_told_with_its_fix(
    arguments: Sequence[str], complaint: str, study: TinyStudy, call: Call
) -> None:
    study.run()
    with pytest.raises(OvernightError, match=complaint) as raised:
        call(*arguments)
    assert raised.value.exit_code in (1, 2)


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"devices": ["cpu:0"]}, "only order = 'parallel' uses devices"),
        ({"order": "parallel", "devices": ["cpu:0", "cpu:0"]}, "a device is named twice"),
        ({"order": "parallel", "devices": ["cpu:one"]}, "write a GPU's index or UUID"),
        ({"order": "parallel", "devices": ["auto"]}, "write a GPU's index or UUID"),
    ],
)
def test_devices_that_make_no_sense_are_told(
    told: Mapping[str, object], complaint: str, study: TinyStudy, call: Call
) -> None:
    study.configure(compare=table(**told))
    with pytest.raises(StudyFileError, match=complaint):
        call()


def test_devices_may_be_named_on_the_command_line(study: TinyStudy, call: Call) -> None:
    study.configure(compare=table())
    with pytest.raises(DeviceMissing, match="no device 'cpu:4095'"):
        call("--order", "parallel", "--device", "cpu:0", "--device", "cpu:4095")
    with pytest.raises(StudyFileError, match="only order = 'parallel' uses devices"):
        call("--device", "cpu:0")


def test_another_order_leaves_the_study_files_devices_behind(study: TinyStudy, call: Call) -> None:
    study.configure(compare=table(order="parallel", devices=["cpu:4095", "cpu:4094"]))
    assert call("--order", "interleaved", "--aa").exit_code == 0


def test_one_that_is_abandoned_makes_room_for_another(study: TinyStudy, call: Call) -> None:
    study.run()
    study.configure(compare=table())
    call()
    with closing(Ledger(study.layout.ledger)) as ledger:
        assert ledger.begin_comparison({}, []) == 2
    assert "Comparison 2 is ended" in call("--abandon").stdout
    assert call().exit_code == 0
