"""Keys for models' endpoints, in the user's environment."""

from collections.abc import Mapping, Sequence

from overnight.errors import AuthenticationFailed


def find_key(names: Sequence[str], *, environ: Mapping[str, str]) -> tuple[str, str]:
    """The first of some variables that is set, and its value.

    Raises:
        AuthenticationFailed: None is.
    """
    for name in names:
        if environ.get(name):
            return name, environ[name]
    raise AuthenticationFailed(
        f"{' or '.join(names)}, which should hold the key, is not set.",
        fix=f"Export {names[0]} in the shell that starts the night.",
    )


def refuse_odd_key(name: str, value: str) -> None:
    """Refuse a value that was taken over with blanks or quotation marks.

    Raises:
        AuthenticationFailed: It cannot be a key.
    """
    if value != value.strip() or value[0] in "\"'":
        raise AuthenticationFailed(
            f"The key in {name} has blanks or quotation marks around it.",
            fix=f"Export {name} again without them.",
        )
