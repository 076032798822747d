"""The environment variables of a confined command: the user's, without what is a secret."""

import re
from collections.abc import Collection, Mapping

_SECRET_NAME = re.compile(
    r"KEY|TOKEN(?!IZER)|SECRET|PASS|_PWD$|CREDENTIAL|COOKIE|AUTH|BEARER|WEBHOOK|_PAT$|_DSN$"
    r"|CONNECTION_STRING|^AWS_|^AZURE_|^GOOGLE_|^GCP_|^KUBE",
    re.IGNORECASE,
)
# A URL with a password in it, and keys by the beginnings that their issuers give them.
_SECRET_VALUE = re.compile(
    r"://[^/\s@]*:[^/\s@]+@"
    r"|^(sk-|gh[opsu]_|github_pat_|glpat-|hf_|xox[abp]-|AKIA|AIza|ya29\.|eyJ)[\w.+/=-]{16}",
)
# Sockets and sessions of the user's that no sandbox has.
_SESSION = re.compile(
    r"^(SSH_|GPG_|DBUS_|XDG_RUNTIME_DIR$|DISPLAY$|WAYLAND_|XAUTHORITY$|TMUX|STY$)"
)


def is_secret(name: str, value: str = "") -> bool:
    """Whether a variable holds a secret, by its name or by what it looks like."""
    return bool(_SECRET_NAME.search(name) or _SECRET_VALUE.search(value))


def without_secrets(environ: Mapping[str, str], *, keep: Collection[str] = ()) -> dict[str, str]:
    """The variables that a candidate's code may see.

    Args:
        keep: Names that are handed on although they look like secrets.
    """
    return {
        name: value
        for name, value in environ.items()
        if name in keep or not (is_secret(name, value) or _SESSION.search(name))
    }
