"""Orders from another terminal: small files in a spool that the running night empties.

The night is the only writer of the ledger, so whoever wants something of it leaves a message
in ``.overnight/inbox/``, which the night takes in between its steps and while it is paused::

    post(layout, Message(Order.STEER, "Try the warm-down first."))      # any terminal

    mail = inbox.peek()                                                 # the night
    for message in mail.messages:
        ...                                                             # record it, obey it
        inbox.done(message)

A message stays where it is until it is done, so a crash in between loses none of them; its `id`
tells whether it was recorded before. Whatever else lies in the spool is set aside and told once.
"""

import getpass
import itertools
import os
import socket
import stat
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from heapq import nsmallest
from pathlib import Path
from typing import Literal
from uuid import uuid4

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from overnight.brief import one_line
from overnight.errors import OvernightError
from overnight.layout import Layout
from overnight.ledger.records import EventRecord
from overnight.types import EventKind
from overnight.untrusted import read_small_file

MOST_TEXT_CHARACTERS = 4000
REFUSED = "refused"
_MOST_AUTHOR_CHARACTERS = 200
_MOST_NUMBER = 2**31
_MOST_FILE_BYTES = 64 * 2**10
_MOST_AT_ONCE = 100
_COUNTER = itertools.count()  # keeps the order where the clock is too coarse to tell


class Order(StrEnum):
    """What a message asks of the night."""

    STEER = "steer"
    UNPIN = "unpin"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    FORGET = "forget"


def _author() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"user {os.getuid()}"  # a container's user may have no name
    told = f"{user}@{socket.gethostname()} pid {os.getpid()}"
    return one_line(told, most_characters=_MOST_AUTHOR_CHARACTERS)


@dataclass(frozen=True, slots=True)
class Message:
    """One order.

    Attributes:
        text: What the researcher is told by `steer`: printable characters and newlines.
        pinned: Whether it stands in every brief until it is unpinned, and not in the next only.
        number: The pinned message that `unpin` is about: the id of its event in the ledger.
        now: Whether `stop` does not wait for the trial at hand.
        at: When it was left.
        by: Who left it: user, host and process.
        id: Of its file; empty before it is posted.

    Raises:
        OvernightError: The text or another field is not what a night can take.
    """

    order: Order
    text: str = ""
    pinned: bool = False
    number: int | None = None
    now: bool = False
    at: AwareDatetime = field(default_factory=lambda: datetime.now(UTC))
    by: str = field(default_factory=_author)
    id: str = ""

    def __post_init__(self) -> None:
        _check_text(self.text)
        if self.order is Order.STEER and not self.text.strip():
            raise OvernightError(
                "There is nothing to steer by.",
                fix='Say what the researcher should know: `overnight steer "try ..."`.',
            )
        if self.order is Order.UNPIN and not 0 < (self.number or 0) < _MOST_NUMBER:
            raise OvernightError("To unpin needs the number of a pinned message.")
        if not self.by.isprintable() or len(self.by) > _MOST_AUTHOR_CHARACTERS:
            raise OvernightError("Who left it is no short printable line.")

    def concerns(self, *, session_began_at: datetime) -> bool:
        """Whether a session that began then should obey.

        To pause and to stop are asked of the session that runs; one that begins later must not
        end because of them. Everything else is kept for it.
        """
        return self.order not in (Order.PAUSE, Order.STOP) or self.at >= session_began_at


def _check_text(text: str) -> None:
    if len(text) > MOST_TEXT_CHARACTERS:
        raise OvernightError(
            f"The message has {len(text):,} characters; {MOST_TEXT_CHARACTERS:,} are the most.",
            fix="Write what is longer into the study's program file.",
        )
    strange = next((c for c in text if not c.isprintable() and c != "\n"), None)
    if strange is not None:
        raise OvernightError(
            f"The message holds U+{ord(strange):04X} at character {text.index(strange) + 1}.",
            fix="Use printable characters and newlines only.",
        )


@dataclass(frozen=True, slots=True)
class Mail:
    """What lay in the spool.

    Attributes:
        messages: Oldest first; each is there again until it is done.
        refused: A sentence for each thing that is no message; told once.
    """

    messages: tuple[Message, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _File:
    """The content of one file of the spool."""

    version: Literal[1]
    message: Message


_FORMAT = TypeAdapter(_File)


def inbox_of(layout: Layout) -> Path:
    """The spool of a study."""
    return layout.state / "inbox"


def post(layout: Layout, message: Message) -> Path:
    """Leave a message; a reader sees all of it or nothing.

    Returns:
        Its file.

    Raises:
        OvernightError: The file cannot be written.
    """
    inbox = inbox_of(layout)
    name = f"{time.time_ns():020d}-{next(_COUNTER):06d}-{uuid4().hex[:8]}.json"
    content = _FORMAT.dump_json(_File(1, message), exclude={"message": {"id"}})
    try:
        layout.create()
        inbox.mkdir(mode=0o700, exist_ok=True)
        _check_spool(inbox)
        _write(inbox / f".{name}", content)
        return (inbox / f".{name}").rename(inbox / name)
    except OSError as error:
        raise OvernightError(
            f"The message cannot be left in {inbox}: {error.strerror or error}.",
            fix="Mend that and say it again; nothing was sent.",
        ) from error


def waiting(inbox: Path) -> list[Message]:
    """The messages that no night has taken in yet, oldest first; nothing is moved."""
    return [found for _, found in _entries(inbox) if isinstance(found, Message)]


def still_pinned(events: Sequence[EventRecord]) -> list[EventRecord]:
    """Of recorded messages, those that belong in every brief; an event's id is its number."""
    unpinned = {event.details.get("number") for event in events if event.kind is EventKind.UNPINNED}
    return [
        event
        for event in events
        if event.kind is EventKind.STEERED
        and event.details.get("pinned") is True
        and event.id not in unpinned
    ]


class Inbox:
    """The night's end of the spool; there is one at a time.

    Args:
        path: The spool; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told: set[str] = set()

    def peek(self) -> Mail:
        """What lies there now; asking an empty spool costs microseconds."""
        messages, refused = [], []
        try:
            for name, found in _entries(self._path):
                if isinstance(found, Message):
                    messages.append(found)
                else:
                    refused.append(self._set_aside(name, found))
        except OSError as error:
            refused.append(f"{self._path} cannot be read: {error.strerror or error}.")
        news = [sentence for sentence in refused if sentence not in self._told]
        self._told.update(news)
        return Mail(tuple(messages), tuple(news))

    def done(self, message: Message) -> None:
        """Remove a message that is recorded."""
        (self._path / message.id).unlink(missing_ok=True)

    def leave(self) -> None:
        """Take in no more."""

    def _set_aside(self, name: str, why: OvernightError) -> str:
        """Move what is no message out of the way where that can be; say what it was."""
        shown = one_line(name)
        try:
            (self._path / REFUSED).mkdir(mode=0o700, exist_ok=True)
            (self._path / name).rename(self._path / REFUSED / name)
        except OSError:
            return f"{shown} in {self._path} is no message: {why} Remove it."
        return f"{shown} is no message and now lies in {self._path / REFUSED}: {why}"


class SharedInbox:
    """One spool for several nights at the same time, each of which takes in every message once.

    Args:
        path: The spool; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        self._inbox = Inbox(path)
        self._taken: defaultdict[str, set[Inbox]] = defaultdict(set)
        self._readers: set[Inbox] = set()

    def reader(self) -> Inbox:
        """The end of the spool for one more night."""
        reader = _Reader(self)
        self._readers.add(reader)
        return reader

    def peek(self, reader: Inbox) -> Mail:
        """What lies there that a reader has not taken in."""
        with self.lock:
            mail = self._inbox.peek()
        return replace(
            mail,
            messages=tuple(found for found in mail.messages if reader not in self._taken[found.id]),
        )

    def done(self, message: Message, reader: Inbox) -> None:
        """Remove a message once every reader has taken it in."""
        with self.lock:
            self._taken[message.id].add(reader)
            self._remove_taken(message)

    def leave(self, reader: Inbox) -> None:
        """Wait for a reader no more."""
        with self.lock:
            self._readers.discard(reader)
            for message in self._inbox.peek().messages:
                self._remove_taken(message)

    def _remove_taken(self, message: Message) -> None:
        taken = self._taken[message.id]
        if taken and taken >= self._readers:
            self._inbox.done(message)


class _Reader(Inbox):
    """One night's end of a shared spool."""

    def __init__(self, shared: SharedInbox) -> None:
        super().__init__(shared.path)
        self._shared = shared

    def peek(self) -> Mail:
        return self._shared.peek(self)

    def done(self, message: Message) -> None:
        self._shared.done(message, self)

    def leave(self) -> None:
        self._shared.leave(self)


def _entries(inbox: Path) -> Iterator[tuple[str, Message | OvernightError]]:
    """What lies in a spool, oldest first: each a message, or why it is none.

    Raises:
        OSError: The spool is no directory, or cannot be read.
    """
    for name in _names(inbox):
        try:
            yield name, _read(inbox / name)
        except FileNotFoundError:
            continue  # the night has taken it meanwhile
        except OvernightError as error:
            yield name, error


def _names(inbox: Path) -> list[str]:
    try:
        _check_spool(inbox)
        with os.scandir(inbox) as entries:
            names = (entry.name for entry in entries)
            shown = (name for name in names if name != REFUSED and not name.startswith("."))
            return nsmallest(_MOST_AT_ONCE, shown)
    except FileNotFoundError:
        return []


def _check_spool(inbox: Path) -> None:
    """A link would lead the night to move somebody's files about."""
    if not stat.S_ISDIR(inbox.lstat().st_mode):
        raise NotADirectoryError(0, "it is not a directory; remove it")


def _read(path: Path) -> Message:
    content = read_small_file(path, most_bytes=_MOST_FILE_BYTES)
    if content is None:
        path.lstat()
        raise OvernightError(f"it is no readable file of at most {_MOST_FILE_BYTES // 2**10} KiB.")
    try:
        return replace(_FORMAT.validate_json(content, strict=True).message, id=path.name)
    except ValidationError as error:
        raise OvernightError(_explain(error)) from error


def _explain(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_input=False)
    if any(problem["loc"] == ("version",) for problem in problems):
        return "another version of overnight wrote it."
    where = ".".join(map(str, problems[0]["loc"]))
    return one_line(f"{where + ': ' if where else ''}{problems[0]['msg']}.")


def _write(path: Path, content: bytes) -> None:
    """Write a new file that only its owner may read, down to the disk."""
    path.touch(mode=0o600, exist_ok=False)
    try:
        with path.open("r+b") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
