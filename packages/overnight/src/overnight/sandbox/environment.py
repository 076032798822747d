"""The environment variables of a confined command: the user's, without what is a secret."""

import re
from collections.abc import Collection, Mapping

_SECRET = re.compile(
    r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|COOKIE|AUTH|_PAT$|^AWS_|^AZURE_|^GOOGLE_|^GCP_|^KUBE",
    re.IGNORECASE,
)
# Sockets and sessions of the user's that no sandbox has.
_SESSION = re.compile(
    r"^(SSH_|GPG_|DBUS_|XDG_RUNTIME_DIR$|DISPLAY$|WAYLAND_|XAUTHORITY$|TMUX|STY$)"
)
_HARMLESS = frozenset({"XDG_SESSION_TYPE"})


def is_secret(name: str) -> bool:
    """Whether a variable's name says that it holds a secret."""
    return bool(_SECRET.search(name)) and name not in _HARMLESS


def without_secrets(environ: Mapping[str, str], *, keep: Collection[str] = ()) -> dict[str, str]:
    """The variables that a candidate's code may see.

    Args:
        keep: Names that are handed on although they look like secrets.
    """
    return {
        name: value
        for name, value in environ.items()
        if name in keep or not (is_secret(name) or _SESSION.search(name))
    }
