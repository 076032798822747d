"""Telling somebody who is not looking: messages through apprise, never awaited.

Each URL has a thread of its own with a bounded queue, so a slow service holds up nobody, and one
that is down costs a sentence. Nothing that leaves this module names more of a URL than its scheme
and its place in the list, since with many services the host is the secret.
"""

import os
import re
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from overnight.brief import one_line
from overnight.errors import StudyFileError
from overnight.notices import News, Notice

if TYPE_CHECKING:
    from apprise import Apprise

_MOST_TITLE_CHARACTERS = 150
_MOST_BODY_LINES, _MOST_LINE_CHARACTERS = 8, 240
_MOST_WAITING = 50
_RETRY_AFTER_S = 10.0
_HOW_TO_WRITE = (
    "https://appriseit.com/services/ says how each is written; a web hook is json://HOST/PATH."
)
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)\}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9]{0,31})://")
_ANSWER = re.compile(r"\berror=([1-5]\d\d)\b")


_KINDS = {  # of apprise: the colour or the sign that a service gives a message
    News.NEW_BEST: "success",
    News.DRIFT: "warning",
    News.PAUSED: "warning",
    News.FAILING: "failure",
}


@dataclass(frozen=True, slots=True)
class _Letter:
    news: News
    title: str
    body: str


class Notifier:
    """Sends news to every URL, in the background.

    Args:
        urls: Apprise URLs; ``${NAME}`` stands for a variable of the environment.
        news: What is sent; the rest is passed over.
        study: Its name, which begins every title.
        retries: How often a message is sent again that did not arrive.

    Raises:
        StudyFileError: A URL cannot be used, or a variable is not set.
    """

    def __init__(
        self, urls: Sequence[str], news: Iterable[News], *, study: str, retries: int = 2
    ) -> None:
        self._news = frozenset(news)
        self._study = study
        self._couriers = [_Courier(*named) for named in _services(urls, retries=retries)]

    def tell(self, notice: Notice) -> None:
        """Send one piece of news; returns at once and never fails."""
        self.send(notice.news, *notice.words())

    def send(self, news: News, title: str, body: str) -> None:
        """Send a message; what is too long is cut, and control characters are dropped."""
        if news not in self._news:
            return
        title = one_line(f"{self._study}: {title}", most_characters=_MOST_TITLE_CHARACTERS)
        letter = _Letter(news, title, _few_lines(body) or title)  # no service takes an empty one
        for courier in self._couriers:
            courier.take(letter)

    def drain_complaints(self) -> list[str]:
        """What went wrong since the last call: one sentence per URL, however often it failed."""
        return [told for courier in self._couriers if (told := courier.complaint())]

    def close(self, timeout_s: float = 20.0) -> list[str]:
        """Deliver what is waiting, as far as that is possible in time.

        Returns:
            The complaints that were not drained yet.
        """
        give_up_at = time.monotonic() + timeout_s
        for courier in self._couriers:
            courier.take(None)
        for courier in self._couriers:
            courier.wait(max(0.0, give_up_at - time.monotonic()))
        return self.drain_complaints()


class _Courier:
    """Delivers to one URL, one letter at a time, from a thread that ends with the process."""

    def __init__(self, name: str, service: "Apprise") -> None:
        self._name = name
        self._service = service
        self._waiting: deque[_Letter | None] = deque(maxlen=_MOST_WAITING)  # the oldest gives way
        self._arrived = threading.Condition()
        self._problem = ""
        self._complained = False
        self._thread = threading.Thread(target=self._work, name=f"notify {name}", daemon=True)
        self._thread.start()

    def take(self, letter: _Letter | None) -> None:
        """Deliver a letter after those that came before it; None ends the work."""
        with self._arrived:
            self._waiting.append(letter)
            self._arrived.notify()

    def complaint(self) -> str:
        """The first problem, once; otherwise an empty string."""
        if self._complained or not self._problem:
            return ""
        self._complained = True
        return self._problem

    def wait(self, timeout_s: float) -> None:
        """Wait for the end of the work."""
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._problem = self._problem or f"{self._name} gave no answer in time."

    def _work(self) -> None:
        while (letter := self._next()) is not None:
            why = _deliver(self._service, letter)
            if why:
                self._problem = self._problem or f"{self._name} did not get a message: {why}."

    def _next(self) -> _Letter | None:
        with self._arrived:
            self._arrived.wait_for(self._waiting.__len__)
            return self._waiting.popleft()


def _few_lines(text: str) -> str:
    lines = text.strip().split("\n", _MOST_BODY_LINES)[:_MOST_BODY_LINES]
    return "\n".join(one_line(line, most_characters=_MOST_LINE_CHARACTERS) for line in lines)


def _deliver(service: "Apprise", letter: _Letter) -> str:
    """Deliver a letter; returns why that failed, or an empty string."""
    kind = _KINDS.get(letter.news, "info")
    result = service.notify(
        title=letter.title, body=letter.body, notify_type=kind, body_format="text"
    )
    return "" if result else _why(entry.message for entry in result.logs())


def _why(logs: Iterable[str]) -> str:
    """The reason as far as it can be told without quoting what may hold a secret."""
    answers = [match[1] for line in logs if (match := _ANSWER.search(line))]
    if not answers:
        return "it could not be reached, or refused it"
    known = {status.value: f" {status.phrase}" for status in HTTPStatus}
    return f"it answered {answers[-1]}{known.get(int(answers[-1]), '')}"


def check_urls(urls: Sequence[str]) -> None:
    """Check that messages could be sent to every URL; nothing is sent.

    Raises:
        StudyFileError: A URL cannot be used, or a variable is not set.
    """
    _services(urls, retries=0)


def variables_in(urls: Iterable[str]) -> frozenset[str]:
    """The variables of the environment that these URLs take secrets from."""
    return frozenset(name for url in urls for name in _VARIABLE.findall(url))


def deliver_now(urls: Sequence[str], *, study: str, timeout_s: float = 20.0) -> list[str]:
    """Send a test message to every URL and wait for the answers.

    Returns:
        A sentence for each URL that it did not reach; none when all is well.

    Raises:
        StudyFileError: A URL cannot be used, or a variable is not set.
    """
    notifier = Notifier(urls, News, study=study, retries=0)
    notifier.send(News.FINISHED, "a test", "The messages of your nights reach you here.")
    return notifier.close(timeout_s)


def _services(urls: Sequence[str], *, retries: int) -> list[tuple[str, "Apprise"]]:
    """Each URL's name for complaints, and what sends to it from the calling thread."""
    if not urls:
        return []
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415 (slow to import)

    asset = AppriseAsset(
        app_id="overnight",
        service_timeout=0,  # with a limit, apprise waits in threads that hold up our exit
        default_service_retry=retries,
        default_service_wait=_RETRY_AFTER_S,
    )
    services, problems = [], []
    for place, url in enumerate(urls, start=1):
        name = _name(url, place=place)
        missing = sorted(it for it in variables_in([url]) if not os.environ.get(it))
        plugin = None if missing else Apprise.instantiate(_filled(url), asset=asset)
        if plugin is not None:
            services.append((name, Apprise(plugin, asset=asset)))
        elif missing:
            problems.append(f"{name} needs {', '.join(missing)} in the environment. Export it.")
        else:
            problems.append(f"{name} is no URL that apprise knows. {_HOW_TO_WRITE}")
    if problems:
        raise StudyFileError("\n".join(problems))
    return services


def _name(url: str, *, place: int) -> str:
    """What a URL is called in a sentence: its place in the list and its scheme."""
    scheme = _SCHEME.match(url.strip())
    return f"Notification {place} ({scheme[1]}://...)" if scheme else f"Notification {place}"


def _filled(url: str) -> str:
    """A URL with its variables filled in: each is one part of it, or all of it."""
    whole = _VARIABLE.fullmatch(url.strip())
    if whole is not None:
        return os.environ[whole[1]].strip()
    return _VARIABLE.sub(lambda variable: quote(os.environ[variable[1]], safe=""), url.strip())
