"""The parts of a discovery, one question each."""

from collections.abc import Mapping
from textwrap import dedent

import pytest

from overnight.discover.homes import find_home_paths
from overnight.discover.metrics import goal_of_name
from overnight.discover.packaging import find_name
from overnight.discover.prose import permissions, read_lines
from overnight.discover.python_source import durations, local_imports, parse, printed_names
from overnight.discover.shell import recognise
from overnight.discover.timing import duration_text, find_deadline
from overnight.durations import parse_duration_s
from overnight.types import Goal


@pytest.mark.parametrize(
    ("name", "goal"),
    [
        ("val_loss", Goal.MINIMIZE),
        ("val_bpb", Goal.MINIMIZE),
        ("test/perplexity", Goal.MINIMIZE),
        ("latency_ms", Goal.MINIMIZE),
        ("errorRate", Goal.MINIMIZE),
        ("seconds_per_step", Goal.MINIMIZE),
        ("accuracy", Goal.MAXIMIZE),
        ("macro-f1", Goal.MAXIMIZE),
        ("tokens_per_second", Goal.MAXIMIZE),
        ("episode_reward", Goal.MAXIMIZE),
        ("time_to_accuracy", None),
        ("x", None),
    ],
)
def test_goal_of_name(name: str, goal: Goal | None) -> None:
    assert goal_of_name(name) is goal


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("print(f'acc: {x:.3f}')", ["acc"]),
        ("print(f'acc={x}')", ["acc"]),
        ("print(f'\\nacc: {x:.1f}%')", ["acc"]),
        ("print('acc:', x)", ["acc"]),
        ("print('acc: %.3f' % x)", ["acc"]),
        ("print('acc: {:.3f}'.format(x))", ["acc"]),
        ("print('acc: ' + str(x))", ["acc"]),
        ("print(json.dumps({'acc': x, 'model': 'big', 'two words': x}))", ["acc"]),
        ("json.dump(dict(acc=x), stream)", ["acc"]),
        ("m: dict[str, float] = {}\nm['acc'] = x\nreport_metrics(m)", ["acc"]),
        ("print(f'Data: {done}/{all} shards')", []),
        ("print(f'Model size: {x}')", []),
        ("print('acc', x)", []),
        ("print('FAIL')", []),
        ("print()", []),
        ("train({'lr': 0.1})", []),
    ],
)
def test_printed_names(statement: str, names: list[str]) -> None:
    tree = parse(statement)
    assert tree is not None
    assert [printed.name for printed in printed_names(tree)] == names


def test_source_that_cannot_be_parsed() -> None:
    assert parse("def (") is None
    assert parse("x\0") is None
    assert parse("(" * 5000) is None


def test_durations_in_source() -> None:
    source = """\
        BUDGET_MINUTES = 5
        LIMIT_MS: float = 1500.0
        TIME_BUDGET = 60 * 5
        FLAG = True
        parser.add_argument("-t", "--max-seconds", type=int, default=90)
        """
    tree = parse(dedent(source))
    assert tree is not None
    assert {found.name: found.seconds for found in durations(tree)} == {
        "BUDGET_MINUTES": 300,
        "LIMIT_MS": 1.5,
        "TIME_BUDGET": 300,
        "max_seconds": 90,
    }


def test_local_imports() -> None:
    files = dict.fromkeys(["src/pkg/a.py", "src/pkg/b/__init__.py", "src/pkg/c.py", "data.py"], "")
    tree = parse("import os, data\nfrom pkg import a\nfrom .c import x\nfrom . import b\n")
    assert tree is not None
    assert local_imports("src/pkg/main.py", tree, files) == {
        "data.py": 1,
        "src/pkg/a.py": 2,
        "src/pkg/c.py": 3,
        "src/pkg/b/__init__.py": 4,
    }


FILES = {
    "train.py": "",
    "scripts/eval.py": "",
    "pkg/__main__.py": "",
    "go.sh": "set -e\n./go.sh\n",
    "run.sh": "cd .\nexec=1 torchrun train.py\n",
    "Makefile": "bench:\n\ttrue && make bench\n\tpython train.py\n",
}


@pytest.mark.parametrize(
    ("text", "command", "script"),
    [
        ("$ python train.py --lr 3  # about a minute", "python train.py --lr 3", "train.py"),
        ("uv run train.py > run.log 2>&1", "uv run train.py", "train.py"),
        ("uv run --no-sync train.py | tee log", "uv run --no-sync train.py", "train.py"),
        ("pip install -e . && python train.py", "python train.py", "train.py"),
        ("CUDA_VISIBLE_DEVICES=0 python3 train.py", "python3 train.py", "train.py"),
        ("SEED=1 python -u ./train.py", "SEED=1 python -u ./train.py", "train.py"),
        (
            "torchrun --nproc_per_node 8 train.py",
            "torchrun --nproc_per_node 8 train.py",
            "train.py",
        ),
        ("python -m scripts.eval", "python -m scripts.eval", "scripts/eval.py"),
        ("python -m pkg", "python -m pkg", "pkg/__main__.py"),
        ("./go.sh", "./go.sh", "go.sh"),
        ("bash run.sh --fast", "bash run.sh --fast", "train.py"),
        ("make -s bench", "make -s bench", "train.py"),
        ("poetry run pytest tests -k speed", "poetry run pytest tests -k speed", None),
        ("go test -bench=.", "go test -bench=.", None),
    ],
)
def test_commands(text: str, command: str, script: str | None) -> None:
    ((found, started),) = recognise(text, FILES)
    assert (found, started.script) == (command, script)


@pytest.mark.parametrize(
    "text",
    [
        "train.py",
        "python missing.py",
        "python train.py <config>",
        "python train.py --data path/to/data",
        "python train.py ...",
        "make install",
        "git add -A",
        "cargo fmt",
        "python 'train.py",
        "",
    ],
)
def test_what_is_no_command(text: str) -> None:
    assert list(recognise(text, FILES)) == []


@pytest.mark.parametrize(
    ("program", "allowed"),
    [
        ("You may edit `a.py`.", {"a.py": True}),
        ("Improve `a.py`, never touch `b.py`.", {"a.py": True, "b.py": False}),
        ("Modify a.py but do not change b.py.", {"a.py": True, "b.py": False}),
        ("`b.py` holds the test. It must not be modified.", {"b.py": False}),
        ("Files you cannot change:\n- `b.py`: the test\n", {"b.py": False}),
        ("## Editable\n\n- `lib/`\n- a.py - the model\n", {"lib/": True, "a.py": True}),
        ("```\na.py   the model (agent edits this)\n```", {"a.py": True}),
        ("`b.py` is the judge. Do not change it, please.", {"b.py": False}),
        ("`b.py` runs. This should not change the behaviour.", {}),
        ("The numbers come from `b.py`.", {}),
        ("Edit `program.md` yourself.", {}),
    ],
)
def test_permissions(program: str, allowed: Mapping[str, bool]) -> None:
    files = {"program.md": program, "a.py": "", "b.py": "", "lib/x.py": ""}
    found = permissions(files, read_lines(files))
    assert {permission.path: permission.allowed for permission in found} == allowed


def test_an_ordinary_readme_allows_nothing() -> None:
    files = {"README.md": "Edit `settings.py` to set your key.\n", "settings.py": ""}
    assert permissions(files, read_lines(files)) == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Training has a time budget of 5 minutes.", 600),
        ("A fixed **5-minute time budget**.", 600),
        ("Kill a run that takes longer than 90 seconds.", 90),
        ("Have a nice day.", 600),
    ],
)
def test_deadline_from_documents(text: str, seconds: float) -> None:
    files = {"README.md": text}
    assert find_deadline(files, None, read_lines(files)).value == seconds


@pytest.mark.parametrize("seconds", [0.25, 1.0, 59.0, 60.0, 90.0, 600.0, 3600.0, 5400.0, 90061.0])
def test_duration_text_is_exact(seconds: float) -> None:
    assert parse_duration_s(duration_text(seconds)) == seconds


@pytest.mark.parametrize(
    ("folder", "name"),
    [("my repo", "my-repo"), ("a..b", "a.b"), (".hidden", "hidden"), ("日本", "study")],
)
def test_names_that_a_branch_may_have(folder: str, name: str) -> None:
    assert find_name({}, folder).value == name


@pytest.mark.parametrize(
    "code",
    [
        'os.path.join(os.path.expanduser("~"), ".cache", "lab")',
        'os.path.expanduser("~/.cache/lab")',
        'Path.home() / ".cache" / "lab"',
        'Path("~/.cache/lab").expanduser()',
        '(Path("~").expanduser() / ".cache").joinpath("x") and Path.home() / ".cache/lab"',
    ],
)
def test_what_the_code_reads_from_the_home_is_found(code: str) -> None:
    [found] = find_home_paths({"prepare.py": f"import os\nDATA = {code}\n", "notes.md": code})
    assert (found.value, str(found.source)) == ("~/.cache/lab", "prepare.py:2")


@pytest.mark.parametrize(
    "code",
    [
        'Path.home() / ".cache/huggingface/hub"',
        'os.path.join(CACHE, "data")',
        'os.path.expanduser("~")',
        'os.path.join(os.path.expanduser("~"), name)',
        "'~/.cache/lab'",
    ],
)
def test_what_is_there_anyway_or_not_known_is_left_out(code: str) -> None:
    assert find_home_paths({"prepare.py": f"import os\nDATA = {code}\n"}) == ()


def test_only_the_outermost_of_several_paths_is_named() -> None:
    code = 'A = Path.home() / ".lab"\nB = Path.home() / ".lab" / "data"\n'
    assert [found.value for found in find_home_paths({"a.py": code})] == ["~/.lab"]
