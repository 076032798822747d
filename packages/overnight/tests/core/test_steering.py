"""Messages from other terminals: whole, in order, not lost, and nothing else taken for one."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.errors import OvernightError
from overnight.layout import Layout
from overnight.steering import (
    MOST_TEXT_CHARACTERS,
    REFUSED,
    Inbox,
    Mail,
    Message,
    Order,
    SharedInbox,
    inbox_of,
    post,
    waiting,
)

LETTER = "the user's own\n"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


@pytest.fixture
def spool(layout: Layout) -> Path:
    """A spool that holds one good message."""
    return post(layout, Message(Order.FORGET)).parent


def steer(text: str, *, pinned: bool = False) -> Message:
    return Message(Order.STEER, text, pinned=pinned)


def take_all(inbox: Inbox) -> list[str]:
    texts = []
    while mail := inbox.peek().messages:
        for message in mail:
            texts.append(message.text)
            inbox.done(message)
    return texts


def written(**changes: object) -> str:
    """A message file with some of its fields changed."""
    message = {"order": "steer", "text": "x", "at": "2026-03-01T22:00:00Z", "by": "me"}
    return json.dumps({"version": 1, "message": {**message, **changes}})


def test_a_message_arrives_as_it_was_left(layout: Layout) -> None:
    left = steer("Try the warm-down first.\nThen depth: größer!", pinned=True)
    file = post(layout, left)
    (read,) = Inbox(inbox_of(layout)).peek().messages
    assert read.id == file.name
    assert (read.order, read.text, read.pinned) == (left.order, left.text, True)
    assert (read.at, read.by) == (left.at, left.by)
    assert str(os.getpid()) in read.by


def test_a_message_is_there_until_it_is_done(layout: Layout) -> None:
    post(layout, steer("once"))
    first = Inbox(inbox_of(layout)).peek()
    after_a_crash = Inbox(inbox_of(layout))
    assert after_a_crash.peek() == first
    after_a_crash.done(first.messages[0])
    after_a_crash.done(first.messages[0])
    assert after_a_crash.peek() == Mail()


def test_an_absent_and_an_empty_spool_hold_nothing(layout: Layout, spool: Path) -> None:
    assert Inbox(spool / "absent").peek() == Mail()
    inbox = Inbox(spool)
    assert take_all(inbox) == [""]
    assert inbox.peek() == Mail()


def test_messages_come_in_the_order_in_which_they_were_left(layout: Layout) -> None:
    texts = [str(number) for number in range(250)]
    for text in texts:
        post(layout, steer(text))
    inbox = Inbox(inbox_of(layout))
    assert len(inbox.peek().messages) < len(texts)
    assert take_all(inbox) == texts


def test_only_the_owner_can_read_it(layout: Layout) -> None:
    file = post(layout, steer("x"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert (layout.state / ".gitignore").read_text() == "*\n"


def test_a_reader_never_sees_half_a_message(layout: Layout) -> None:
    script = (
        "import sys; from pathlib import Path; from overnight.layout import Layout\n"
        "from overnight.steering import *\n"
        "for n in range(50):\n"
        "    post(Layout(Path(sys.argv[1])), Message(Order.STEER, sys.argv[2] * 3000))\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(layout.root), letter])
        for letter in "ab"
    ]
    inbox, texts = Inbox(inbox_of(layout)), []
    while any(process.poll() is None for process in started) or waiting(inbox_of(layout)):
        mail = inbox.peek()
        assert mail.refused == ()
        for message in mail.messages:
            texts.append(message.text)
            inbox.done(message)
    assert sorted(texts) == ["a" * 3000] * 50 + ["b" * 3000] * 50


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "Invalid JSON"),
        ("{", "Invalid JSON"),
        ("[" * 60_000, "Invalid JSON"),
        ("3", "Input should be an object"),
        ("x" * 70_000, "no readable file of at most 64 KiB"),
        (written(order="dance"), "message.order: Input should be 'steer', "),
        (written(text=3), "message.text"),
        (written(pinned="yes"), "message.pinned"),
        (written(text="\x1b[2J"), "holds U+001B at character 1"),
        (written(text="y" * 4001), "4,001 characters; 4,000 are the most"),
        (written(text=" \n"), "nothing to steer by"),
        (written(at="2026-03-01T22:00:00"), "message.at"),
        (written(by="me\x07"), "no short printable line"),
        (written(order="unpin", number=2**70), "number of a pinned message"),
        (json.dumps({"version": 2, "order": "steer"}), "another version of overnight wrote it"),
    ],
)
def test_a_file_that_is_no_message_is_set_aside_and_told_once(
    spool: Path, content: str, why: str
) -> None:
    (spool / "0.json").write_text(content)
    inbox = Inbox(spool)
    mail = inbox.peek()
    (told,) = mail.refused
    assert why in told
    assert told.startswith(f"0.json is no message and now lies in {spool / REFUSED}: ")
    assert [message.order for message in mail.messages] == [Order.FORGET]
    assert (spool / REFUSED / "0.json").read_text() == content
    assert inbox.peek() == Mail(mail.messages)


def make_directory(path: Path) -> None:
    (path / "deep").mkdir(parents=True)


def make_link(path: Path) -> None:
    path.symlink_to(path.parent.parent / "precious")


def make_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [make_directory, make_link, make_dangling_link, make_pipe])
@pytest.mark.parametrize("name", ["0.json", "\udcff\x1b[2J\n.json", "n" * 255])
def test_odd_things_are_set_aside(spool: Path, make: Callable[[Path], None], name: str) -> None:
    precious = spool.parent / "precious"
    precious.write_text(written())
    make(spool / name)
    mail = Inbox(spool).peek()
    (told,) = mail.refused
    assert told.isprintable()
    assert "no readable file" in told
    assert [message.order for message in mail.messages] == [Order.FORGET]
    assert {path.name for path in spool.iterdir()} == {mail.messages[0].id, REFUSED}
    assert precious.read_text() == written()


def test_what_cannot_be_moved_does_not_stand_in_the_way(spool: Path) -> None:
    (spool / REFUSED).write_text("in the way")
    (spool / "0.json").write_text("nonsense")
    inbox = Inbox(spool)
    mail = inbox.peek()
    assert mail.refused[0].endswith(" Remove it.")
    assert len(mail.messages) == 1
    assert inbox.peek() == Mail(mail.messages)


def test_files_being_written_are_left_alone(spool: Path) -> None:
    (spool / ".half.json").write_text("{")
    assert Inbox(spool).peek().refused == ()
    assert (spool / ".half.json").exists()


def test_a_link_in_place_of_the_spool_is_not_followed(layout: Layout, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "letter.json").write_text(LETTER)
    layout.create()
    inbox_of(layout).symlink_to(home)
    inbox = Inbox(inbox_of(layout))
    (told,) = inbox.peek().refused
    assert told == f"{inbox_of(layout)} cannot be read: it is not a directory; remove it."
    assert inbox.peek() == Mail()
    with pytest.raises(OvernightError, match="it is not a directory; remove it"):
        post(layout, steer("x"))
    assert [path.read_text() for path in home.iterdir()] == [LETTER]


def test_a_message_that_cannot_be_left_is_a_sentence(layout: Layout) -> None:
    layout.state.write_text("a file where the directory should be")
    with pytest.raises(OvernightError, match=r"cannot be left in .*File exists.*nothing was sent"):
        post(layout, steer("x"))


def test_looking_from_outside_moves_nothing(spool: Path) -> None:
    (spool / "0.json").write_text("nonsense")
    assert [message.order for message in waiting(spool)] == [Order.FORGET]
    assert (spool / "0.json").exists()
    assert waiting(spool / "absent") == []


@given(st.text(max_size=50) | st.integers(MOST_TEXT_CHARACTERS - 1, 5000).map("x".__mul__))
def test_a_text_is_taken_whole_or_refused_with_the_fix(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    fits = len(text) <= MOST_TEXT_CHARACTERS and text.replace("\n", "").isprintable()
    if not (fits and text.strip()):
        with pytest.raises(OvernightError) as refused:
            steer(text)
        assert refused.value.fix
        assert str(refused.value).isprintable()
        return
    layout = Layout(tmp_path_factory.mktemp("study"))
    post(layout, steer(text))
    assert [message.text for message in waiting(inbox_of(layout))] == [text]


def test_unpinning_needs_a_number() -> None:
    assert Message(Order.UNPIN, number=3).number == 3
    for number in (None, 0, -1):
        with pytest.raises(OvernightError, match="number of a pinned message"):
            Message(Order.UNPIN, number=number)


@pytest.mark.parametrize("order", Order)
def test_a_later_session_does_not_obey_a_pause_or_a_stop(order: Order) -> None:
    message = Message(order, "x", number=1, at=datetime.now(UTC))
    second = timedelta(seconds=1)
    assert message.concerns(session_began_at=message.at - second)
    outlives = message.concerns(session_began_at=message.at + second)
    assert outlives is (order not in (Order.PAUSE, Order.STOP))


def test_several_nights_take_in_every_message_once(layout: Layout) -> None:
    shared = SharedInbox(inbox_of(layout))
    one, other = shared.reader(), shared.reader()
    for text in ("first", "second"):
        post(layout, steer(text))
    assert take_all(one) == ["first", "second"]
    assert len(waiting(shared.path)) == 2, "the other has not taken them in yet"
    assert take_all(other) == ["first", "second"]
    assert waiting(shared.path) == []
    assert take_all(one) == []


def test_nobody_waits_for_a_night_that_has_left(layout: Layout) -> None:
    shared = SharedInbox(inbox_of(layout))
    one, other = shared.reader(), shared.reader()
    post(layout, steer("both"))
    take_all(one)
    other.leave()
    assert waiting(shared.path) == []
    post(layout, steer("one"))
    one.leave()
    assert [message.text for message in waiting(shared.path)] == ["one"], "nobody has read it"
