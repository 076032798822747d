"""What package managers complain of inside a sandbox, as a cause and a fix: text in, words out."""

import re
from typing import NamedTuple

from overnight.doctor.words import sentence


class Complaint(NamedTuple):
    """Why packages cannot be had."""

    cause: str
    fix: str


_KNOWN = (
    (
        r"(?:failed to initialize cache|cache).*(?:permission denied|read-only)"
        r"|(?:permission denied|read-only file system).*cache",
        "Its cache cannot be written to inside.",
        "Run `chown -R $USER` on the cache, or name it in sandbox.caches.",
    ),
    (
        r"network was disabled|not found in the cache|wasn't found in the cache|--offline",
        "A package is not in its cache, and there is no network inside.",
        "Fill the cache once: run `uv sync` in the repository on the host.",
    ),
    (
        r"temporary failure in name resolution|failed to (?:fetch|download)|dns error"
        r"|could not resolve|connection refused|no route to host|max retries exceeded"
        r"|network is unreachable|could not find a version",
        "It wants to fetch something, and there is no network inside.",
        'Install it on the host once so that the cache has it, or set network = ["pypi.org",'
        ' "files.pythonhosted.org"] in [setup].',
    ),
    (
        r"no interpreter found|no python .*found|requires-python|python .* is not available",
        "There is no Python of the version that the project asks for inside.",
        "Install it on the host: `uv python install`.",
    ),
    (
        r"lockfile .*(?:needs to be updated|is not up to date)|lock file .*not up to date",
        "The lock file does not fit the project file.",
        "Run `uv lock`, and commit uv.lock.",
    ),
    (
        r"(?:^|\W)(?:command )?not found|no such file or directory",
        "A program or file is not there inside.",
        "See its last lines; name its directory in sandbox.read.",
    ),
    (
        r"no space left on device|disk quota exceeded",
        "The disk is full.",
        "Make room, or raise sandbox.disk_gb.",
    ),
)


def explain(output: str) -> Complaint:
    """What a package manager's last words mean."""
    flat = " ".join(output.split()).lower()
    for pattern, cause, fix in _KNOWN:
        if re.search(pattern, flat):
            return Complaint(cause, fix)
    last = output.strip().splitlines()[-1:] or ["It said nothing"]
    return Complaint(sentence(last[0]), "See its last lines.")
