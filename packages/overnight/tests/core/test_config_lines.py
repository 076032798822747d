"""Where in a TOML file a key stands."""

import json
import tomllib
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.config import line_of_key

FILE = dedent(
    '''\
    name = "demo"  # name = "not this one"
    program = """
    command = "a trap"
    [measure]
    """

    [measure]
    command = "x = 1"
    env.SEED = "1"
    "quoted key" = 2
    'measure.deadline' = 3

    [measure.env.deep]
    value = [
        "command = 3",
        { inline = 1 },
    ]
    [researcher]
    price = { input = 1.0, output = 2.0 }
    [[researcher.options.steps]]
    title = "one"
    [[researcher.options.steps]]
    title = "two"
    write = { "a.py" = "x" }
    '''
)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (["name"], 1),
        (["program"], 2),
        (["measure"], 7),
        (["measure", "command"], 8),
        (["measure", "env"], 9),
        (["measure", "env", "SEED"], 9),
        (["measure", "quoted key"], 10),
        (["measure", "measure.deadline"], 11),
        (["measure", "env", "deep"], 13),
        (["measure", "env", "deep", "value"], 14),
        (["measure", "env", "deep", "value", "inline"], 14),
        (["researcher", "price", "output"], 19),
        (["researcher", "options", "steps"], 20),
        (["researcher", "options", "steps", "title"], 21),
        (["researcher", "options", "steps", "write", "a.py"], 24),
        (["measure", "deadline"], 7),
        (["researcher", "price", "absent"], 19),
        (["metric", "name"], None),
        (["absent"], None),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_key_is_found_or_its_table_is(keys: list[str], line: int | None, ending: str) -> None:
    assert line_of_key(FILE.replace("\n", ending), keys) == line


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # JSON's escapes are among TOML's


BARE = st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
KEYS = BARE.map(lambda name: (name, name)) | TEXT.map(lambda name: (name, quoted(name)))
VALUES = (
    TEXT.map(quoted)
    | st.integers(-9, 9).map(str)
    | TEXT.map(lambda text: f'"""\n{quoted(text)[1:-1]}\n[trap]\nkey = 1\n"""')
    | st.lists(TEXT.map(quoted)).map(lambda items: "[\n" + ",\n".join(items) + "\n]")
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=4)


@given(st.dictionaries(KEYS, TABLES, max_size=4), st.sampled_from(["\n", "\n\n# comment = 1\n"]))
def test_the_line_of_any_key_in_any_file_holds_it(
    tables: dict[tuple[str, str], dict[tuple[str, str], str]], between: str
) -> None:
    lines: list[str] = []
    stands_at: dict[tuple[str, ...], int] = {}
    for (table, written), entries in tables.items():
        if (table,) in stands_at:
            continue
        stands_at[table,] = len(lines) + 1
        lines.append(f"[{written}]")
        for (key, key_written), value in entries.items():
            if (table, key) not in stands_at:
                stands_at[table, key] = len(lines) + 1
                lines += f"{key_written} = {value}{between}".split("\n")
    text = "\n".join(lines)
    tomllib.loads(text)
    assert {keys: line_of_key(text, keys) for keys in stands_at} == stands_at
