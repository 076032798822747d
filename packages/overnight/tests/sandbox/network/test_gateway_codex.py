"""The real Codex CLI in a sandbox from which it reaches a scripted endpoint and nothing else."""

import os
from pathlib import Path

import pytest

from overnight.errors import AgentMissing
from overnight.researchers.codex.binary import find_binary
from overnight.testing.responses import MODEL, Message, ResponsesServer, Shell

from .boxes import Box
from .wires import MakeClients

pytestmark = pytest.mark.codex

CONFIGURATION = """\
model = "{model}"
model_provider = "scripted"
[model_providers.scripted]
name = "scripted"
base_url = "{base_url}"
request_max_retries = 0
stream_max_retries = 0
[features]
plugins = false
apps = false
unbounded_connection_retries = false
[analytics]
enabled = false
"""


@pytest.fixture(scope="module")
def codex() -> str:
    """The real Codex CLI; without it a test is skipped, but fails in CI."""
    try:
        return str(find_binary(None, root=Path(__file__).parent))
    except AgentMissing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


@pytest.mark.parametrize("host", ["127.0.0.1", "api.test"])
def test_codex_works(tmp_path: Path, clients_of: MakeClients, codex: str, host: str) -> None:
    repository, home, temporary, sockets = (tmp_path / name for name in ("r", "h", "t", "s"))
    for directory in (repository, home, temporary, sockets):
        directory.mkdir()
    command = "echo 1 > answer.txt; curl -sS http://evil.test/"
    with ResponsesServer([Shell(command), Message("Done.")]) as server:
        port = int(server.base_url.rpartition(":")[2].removesuffix("/v1"))
        clients = clients_of(f"{host}:{port}", f"127.0.0.1:{port}", directory=sockets)
        base_url = server.base_url.replace("127.0.0.1", host)
        (home / "config.toml").write_text(CONFIGURATION.format(model=MODEL, base_url=base_url))
        box = Box(
            clients.proxy.socket,
            ports=(port,),
            writable=(repository, home, temporary),
            env={"CODEX_HOME": str(home), "TMPDIR": str(temporary)},
        )
        freely = ["--dangerously-bypass-approvals-and-sandbox", "--skip-git-repo-check"]
        ended = box.run(codex, "exec", *freely, "--cd", str(repository), "Write the answer.")
        assert ended.returncode == 0, ended.stderr
        assert "evil.test:80 is not on the allow-list" in server.requests[-1].text
    assert (repository / "answer.txt").read_text() == "1\n"
    assert [refused.host for refused in clients.proxy.take_refused()] == ["evil.test"]
