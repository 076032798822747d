"""Notifications: delivered for real, to a server on this machine, and never in the night's way."""

import base64
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from overnight.errors import StudyFileError
from overnight.notices import (
    CheckpointResult,
    DriftResponse,
    Failing,
    Finished,
    NewBest,
    News,
    Notice,
    Paused,
)
from overnight.notify import Notifier, check_urls, deliver_now, variables_in

PATIENCE_S = 30.0
SECRETS = ("hunter2", "tokenABC", "keyXYZ", "whoami")
NEW_BEST = NewBest(12, "a wider model", metric="val_loss", old=1.0, new=0.98, baseline=1.07)
FINISHED = Finished(
    "The budget of 80 trials is used up.",
    complete=True,
    metric="val_loss",
    baseline=1.07,
    best=0.98,
    kept=3,
    trials=80,
    active_s=28_920,
    cost_usd=3.2,
)
NOTICES: tuple[Notice, ...] = (
    NEW_BEST,
    CheckpointResult(12, True, "val_loss 0.981, recorded 0.98."),
    DriftResponse(14, ("nothing kept for 9 trials", "the same idea reworded"), "Notes dropped."),
    Paused("The GPU is gone.", "gpu2:/home/me/nanochat"),
    Failing(5, "trials without a measurement", "It ended with exit code 1."),
    FINISHED,
)


@dataclass
class Service:
    """A web hook that keeps what it gets."""

    port: int = 0
    refusals: list[int] = field(default_factory=list)  # answers to the first messages
    got: list[dict[str, Any]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)
    may_answer: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Its apprise URL, secrets and all."""
        return url_of(self.port)

    @property
    def titles(self) -> list[str]:
        """Of what it got, in order."""
        return [message["title"] for message in self.got]


def url_of(port: int) -> str:
    user, password, path, header = SECRETS
    return f"json://{user}:{password}@127.0.0.1:{port}/{path}?rto=600&+X-Key={header}"


def serve(service: Service) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            service.authorizations.append(self.headers["Authorization"])
            service.got.append(body)
            service.came.set()
            service.may_answer.wait()
            self.send_response(service.refusals.pop(0) if service.refusals else 200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    service.port = server.server_port
    return server


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    service.may_answer.set()
    with serve(service) as server:
        yield service
        server.shutdown()


@pytest.fixture
def slow() -> Iterator[Service]:
    """Takes a message and does not answer before `may_answer`."""
    service = Service()
    with serve(service) as server:
        yield service
        service.may_answer.set()
        server.shutdown()


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port where nobody listens, and nobody can for as long as the test lasts."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def notifier(*services: Service, news: tuple[News, ...] = tuple(News)) -> Notifier:
    return Notifier([service.url for service in services], news, study="tiny", retries=0)


def assert_no_secret(told: str) -> None:
    assert not [secret for secret in SECRETS if secret in told]


def test_every_kind_of_news_arrives_in_order(service: Service) -> None:
    sender = notifier(service)
    for notice in NOTICES:
        sender.tell(notice)
    assert sender.close(PATIENCE_S) == []
    assert service.titles == [
        "tiny: new best val_loss 1 -> 0.98 (-2.00%)",
        "tiny: checkpoint: trial 12 is validated",
        "tiny: drift after trial 14",
        "tiny: paused until you resume it",
        "tiny: failing: 5 trials without a measurement in a row",
        "tiny: finished: val_loss 1.07 -> 0.98 (-8.41%)",
    ]
    assert [message["message"].splitlines() for message in service.got] == [
        ["Trial 12: a wider model", "Since the baseline: 1.07 -> 0.98 (-8.41%)"],
        ["val_loss 0.981, recorded 0.98."],
        ["Notes dropped.", "- nothing kept for 9 trials", "- the same idea reworded"],
        ["The GPU is gone.", "Go on with `overnight resume` in gpu2:/home/me/nanochat."],
        ["The last: It ended with exit code 1."],
        ["3 of 80 trials kept in 8h 02m, $3.20.", "The budget of 80 trials is used up."],
    ]
    kinds = ["success", "info", "warning", "warning", "failure", "info"]
    assert [message["type"] for message in service.got] == kinds


@pytest.mark.parametrize(
    ("notice", "title", "last_line"),
    [
        (
            Finished(
                "Stopped.", False, "acc", baseline=0.5, best=0.5, kept=0, trials=4, active_s=9
            ),
            "stopped: acc stays at 0.5",
            "Go on with `overnight run`.",
        ),
        (
            Finished("No.", False, "acc", baseline=None, best=None, kept=0, trials=0, active_s=9),
            "stopped: the baseline has no measurement",
            "Go on with `overnight run`.",
        ),
        (
            Finished(
                "All done.", True, "acc", baseline=0.0, best=0.5, kept=1, trials=4, active_s=9
            ),
            "finished: acc 0 -> 0.5",
            "All done.",
        ),
        (
            CheckpointResult(3, False, "It was luck."),
            "checkpoint: trial 3 is refuted",
            "It was luck.",
        ),
        (
            NewBest(1, "two\nlines", metric="loss", old=-2.0, new=-3.0, baseline=-2.0),
            "new best loss -2 -> -3 (-50.00%)",
            "Since the baseline: -2 -> -3 (-50.00%)",
        ),
    ],
)
def test_words(notice: Notice, title: str, last_line: str) -> None:
    told, body = notice.words()
    assert told == title
    assert body.splitlines()[-1] == last_line
    assert len(body.splitlines()) <= 3


def test_news_that_nobody_asked_for_is_not_sent(service: Service) -> None:
    sender = notifier(service, news=(News.PAUSED,))
    for notice in NOTICES:
        sender.tell(notice)
    assert sender.close(PATIENCE_S) == []
    assert service.titles == ["tiny: paused until you resume it"]


def test_what_a_program_wrote_is_bounded_and_cannot_act(service: Service) -> None:
    sender = notifier(service)
    sender.send(News.DRIFT, "\x1b[2J\nSubject: x" + "y" * 5000, "<b>\u202e&\x07\n" + "line\n" * 500)
    sender.send(News.DRIFT, "half a character \ud800", "z" * 100_000)
    assert sender.close(PATIENCE_S) == []
    for message in service.got:
        assert len(message["title"]) <= 150
        assert message["title"].isprintable()
        assert len(message["message"]) <= 2000
        assert message["message"].replace("\n", "").isprintable()
    assert service.got[0]["message"].startswith("<b> &\nline\n")


def test_a_dead_service_costs_one_sentence_without_secrets(dead_port: int) -> None:
    sender = Notifier([url_of(dead_port)], News, study="tiny", retries=0)
    for notice in NOTICES:
        sender.tell(notice)
    (told,) = sender.close(PATIENCE_S)
    assert told == (
        "Notification 1 (json://...) did not get a message: it could not be reached, or refused it."
    )
    assert sender.drain_complaints() == []


def test_a_service_that_refuses_is_quoted_by_its_status(service: Service) -> None:
    service.refusals = [401]
    sender = notifier(service)
    sender.tell(FINISHED)
    assert sender.close(PATIENCE_S) == [
        "Notification 1 (json://...) did not get a message: it answered 401 Unauthorized."
    ]


def test_a_service_that_fails_for_a_moment_gets_the_message_again(service: Service) -> None:
    service.refusals = [503, 503]
    sender = Notifier([f"{service.url}&retry=2&wait=0.01"], News, study="tiny")
    sender.tell(FINISHED)
    assert sender.close(PATIENCE_S) == []
    assert len(service.got) == 3


def test_a_slow_service_holds_up_neither_the_others_nor_the_end(
    slow: Service, service: Service
) -> None:
    sender = notifier(slow, service)
    for notice in NOTICES:
        sender.tell(notice)
    assert sender.close(0.5) == ["Notification 1 (json://...) gave no answer in time."]
    assert len(slow.got) == 1
    assert len(service.got) == len(NOTICES)


def test_of_too_many_messages_the_newest_are_delivered(slow: Service) -> None:
    sender = notifier(slow)
    sender.send(News.DRIFT, "first", "")
    assert slow.came.wait(PATIENCE_S)
    for number in range(10_000):
        sender.send(News.DRIFT, str(number), "")
    slow.may_answer.set()
    assert sender.close(PATIENCE_S) == []
    assert slow.titles[-1] == slow.got[-1]["message"] == "tiny: 9999"
    assert len(slow.titles) <= 51


def test_the_process_ends_though_a_service_never_answers(slow: Service) -> None:
    script = (
        "import sys; from overnight.notices import News; from overnight.notify import Notifier\n"
        "sender = Notifier(sys.argv[1:], News, study='tiny')\n"
        "sender.send(News.PAUSED, 'x', 'y')\n"
        "print(sender.close(1))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, slow.url],
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert ended.stdout == "['Notification 1 (json://...) gave no answer in time.']\n"
    assert ended.stderr == ""


def test_secrets_come_from_the_environment(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_PASSWORD", "p@ss/w:rd?#%41 &")
    monkeypatch.setenv("HOOK", f" {service.url} ")
    urls = [f"json://me:${{HOOK_PASSWORD}}@127.0.0.1:{service.port}/x", "${HOOK}"]
    assert variables_in(urls) == {"HOOK_PASSWORD", "HOOK"}
    assert deliver_now(urls, study="tiny", timeout_s=PATIENCE_S) == []
    sent = {
        base64.b64decode((told or "").removeprefix("Basic ")).decode()
        for told in service.authorizations
    }
    assert sent == {"me:p@ss/w:rd?#%41 &", "hunter2:tokenABC"}
    assert service.titles == ["tiny: a test"] * 2


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    monkeypatch.setenv("EMPTY", "")
    urls = ["json://localhost", "json://me:${EMPTY}@localhost/${NO_SUCH_TOKEN}", "${EMPTY}"]
    with pytest.raises(StudyFileError) as refused:
        check_urls(urls)
    assert str(refused.value).splitlines() == [
        "Notification 2 (json://...) needs EMPTY, NO_SUCH_TOKEN in the environment. Export it.",
        "Notification 3 needs EMPTY in the environment. Export it.",
    ]


@pytest.mark.parametrize(
    "url",
    ["", "tokenABC", "foo://tokenABC", "json://", "http://hunter2/tokenABC", "tgram://hunter2"],
)
def test_a_url_that_apprise_does_not_know_is_refused_at_once(
    url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(
        StudyFileError, match=r"^Notification 1 .*is no URL that apprise"
    ) as refused:
        Notifier([url], News, study="tiny")
    assert "json://HOST/PATH" in str(refused.value)
    assert_no_secret(str(refused.value))
    assert capfd.readouterr() == ("", "")


def test_known_services_are_accepted() -> None:
    check_urls(
        [
            "json://127.0.0.1:8000/hook",
            "ntfy://my-topic",
            "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general",
            "discord://123456789/abcdefghij",
            "tgram://123456789:AAabcdefghijklmnopqrstuvwxyz123456789/12345678",
            "mailto://user:password@gmail.com",
        ]
    )


def test_a_delivery_can_be_tried(service: Service, dead_port: int) -> None:
    urls = [service.url, url_of(dead_port)]
    (problem,) = deliver_now(urls, study="tiny", timeout_s=PATIENCE_S)
    assert problem.startswith("Notification 2 (json://...) did not get a message: ")
    assert service.titles == ["tiny: a test"]


def test_nothing_is_imported_before_it_is_needed() -> None:
    script = (
        "import sys; from overnight.notices import News; from overnight.notify import Notifier\n"
        "Notifier((), News, study='tiny').close()\n"
        "print('apprise' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    assert told.stdout == b"False\n"
