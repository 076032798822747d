from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol

import pytest

from overnight.config import SandboxTable
from overnight.sandbox.bubblewrap import Bubblewrap
from overnight.sandbox.machine import caches, describe_machine
from overnight.testing.sandbox_site import Box, Site

USUAL = SandboxTable()


class MakeBox(Protocol):
    """Puts a bubblewrap sandbox on a site, as a night would."""

    def __call__(
        self,
        table: SandboxTable = ...,
        *,
        exclusive: Sequence[Path] = ...,
        environ: Mapping[str, str] = ...,
        site: Site | None = ...,
        work: Path | None = ...,
    ) -> Box: ...


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "site")
    with site.processes:
        yield site
        assert site.alive() == []


@pytest.fixture
def make_box(site: Site) -> Iterator[MakeBox]:
    usual_site = site
    with ExitStack() as stack:

        def make(
            table: SandboxTable = USUAL,
            *,
            exclusive: Sequence[Path] = (),
            environ: Mapping[str, str] = {},
            site: Site | None = None,
            work: Path | None = None,
        ) -> Box:
            site = site or usual_site
            work = work or site.work
            site.environ.update(environ)
            machine = describe_machine(
                table,
                root=site.study,
                exclusive=exclusive,
                work=work,
                devices=(),
                environ=site.environ,
            )
            sandbox = Bubblewrap(
                machine,
                processes=site.processes,
                scratch=work / "sandbox",
                caches=caches(table, root=site.study, environ=site.environ),
            )
            return Box(site, stack.enter_context(closing(sandbox)))

        yield make


@pytest.fixture
def box(make_box: MakeBox) -> Box:
    return make_box()


@pytest.fixture
def write() -> Callable[[Path, str], Path]:
    """Writes a file and what directories it takes."""

    def write(path: Path, text: str = "content\n") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write
