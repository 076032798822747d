"""Which paths of a checkout are fixed, over all patterns and files, and what could stand in."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.patterns import PathPatterns
from overnight.workspace.protection import MOST_MOUNTS, Protection, protect, shadowed

PARTS = st.sampled_from(["a", "b", "a-file", "ab", "data", "x.py", "0", "z"])
FILES = st.sets(st.lists(PARTS, min_size=1, max_size=4).map("/".join), max_size=12)
PATTERNS = st.lists(
    st.sampled_from(
        [
            "a",
            "a/**",
            "data/",
            "*.py",
            "a/b",
            "**/x.py",
            "a/a*",
            "a/?",
            "*",
            "data/*",
            "**/a*",
            "b/*.py",
        ]
    ),
    max_size=3,
)


def as_tree(files: set[str]) -> list[str]:
    """Files of which none is another's directory."""
    return sorted(f for f in files if not any(other.startswith(f"{f}/") for other in files))


def holds(paths: tuple[str, ...], file: str) -> bool:
    return any(file == path or file.startswith(f"{path}/") for path in paths)


@given(FILES, PATTERNS)
def test_every_protected_file_is_fixed_and_no_other(files: set[str], patterns: list[str]) -> None:
    tree, protected = as_tree(files), PathPatterns(patterns)
    protection = protect(tree, protected)
    for file in tree:
        assert holds(protection.fixed, file) == protected.match(file)


@given(FILES, PATTERNS)
def test_every_directory_on_the_way_is_pinned(files: set[str], patterns: list[str]) -> None:
    protection = protect(as_tree(files), PathPatterns(patterns))
    parents = {str(parent) for path in protection.fixed for parent in Path(path).parents} - {"."}
    assert set(protection.pinned) == parents
    assert not set(protection.pinned) & set(protection.fixed)


@given(FILES, PATTERNS)
def test_no_fixed_path_is_in_another(files: set[str], patterns: list[str]) -> None:
    fixed = protect(as_tree(files), PathPatterns(patterns)).fixed
    assert not [path for path in fixed if holds(tuple(set(fixed) - {path}), path)]


@pytest.mark.parametrize(
    ("patterns", "files", "fixed", "pinned"),
    [
        (["data/**"], ["data/one", "data/deep/two", "train.py"], ["data"], []),
        (["data/"], ["data/one"], ["data"], []),
        (["src/eval/**"], ["src/eval/a.py", "src/b.py"], ["src/eval"], ["src"]),
        (["src/a*"], ["src/ab.py", "src/b.py"], ["src/ab.py"], ["src"]),
        (["src/a*"], ["src/ab.py"], ["src/ab.py"], ["src"]),
        (["*.py"], ["train.py", "src/b.py"], ["train.py"], []),
        (["**/*.py"], ["src/deep/b.py"], ["src/deep/b.py"], ["src", "src/deep"]),
        (["prepare.py"], ["train.py"], [], []),
        ([], ["train.py"], [], []),
    ],
)
def test_examples(
    patterns: list[str], files: list[str], fixed: list[str], pinned: list[str]
) -> None:
    assert protect(files, PathPatterns(patterns)) == Protection(tuple(fixed), tuple(pinned))


def test_beyond_a_number_only_whole_directories_are_fixed() -> None:
    files = [f"src/{number}.py" for number in range(MOST_MOUNTS + 1)]
    assert protect(files, PathPatterns(["src/*.py"])) == Protection()
    assert protect([*files, "lib/a"], PathPatterns(["src/*.py", "lib/**"])).fixed == ("lib",)
    assert protect(files, PathPatterns(["src/**"])).fixed == ("src",)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("evaluate.py", "lib/metrics.py", "lib/__init__.py", "lib/fast.so"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


TRACKED = ["evaluate.py", "lib/metrics.py", "lib/__init__.py", "lib/fast.so"]
SHADOWS: dict[str, tuple[str, list[str]]] = {
    "a package": ("evaluate/__init__.py", ["evaluate.py"]),
    "a compiled package": ("evaluate/__init__.abi3.so", ["evaluate.py"]),
    "a compiled module": ("lib/metrics.cpython-311-x86_64-linux-gnu.so", ["lib/metrics.py"]),
    "a short name": ("lib/metrics.so", ["lib/metrics.py"]),
    "a compiled beginning": ("lib/__init__.abi3.so", ["lib/__init__.py"]),
    "a package without a beginning": ("evaluate/other.py", []),
    "another module": ("other.abi3.so", []),
    "one below": ("lib/evaluate.so", []),
    "a name that begins alike": ("evaluate_fast.so", []),
    "what is tracked": ("lib/fast.so", []),
}


@pytest.mark.parametrize(("name", "found"), SHADOWS.values(), ids=SHADOWS.keys())
def test_what_python_would_import_instead(root: Path, name: str, found: list[str]) -> None:
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).touch()
    assert shadowed(root, TRACKED, TRACKED) == found


def test_a_package_behind_a_link(root: Path) -> None:
    (root / "elsewhere").mkdir()
    (root / "elsewhere/__init__.py").touch()
    (root / "evaluate").symlink_to("elsewhere")
    assert shadowed(root, TRACKED, TRACKED) == ["evaluate.py"]


def test_a_directory_that_is_gone(root: Path) -> None:
    (root / "lib").rename(root / "gone")
    assert shadowed(root, TRACKED, TRACKED) == []
