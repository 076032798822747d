"""What a cheat would like to reach; every cheat is told where it is."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

_VARIABLE = "OVERNIGHT_CHEAT_PLACES"


@dataclass(frozen=True, slots=True)
class Places:
    """Paths of the user's machine that are not a cheat's to read or to change.

    Attributes:
        listener_port: Of a listener on the user's machine, for whatever is sent out.
    """

    repository: Path
    home: Path
    work: Path
    validation: Path
    holdout: Path
    listener_port: int

    @classmethod
    def below(cls, directory: Path, *, listener_port: int) -> "Places":
        """All of them in one directory."""
        return cls(
            repository=directory / "study",
            home=directory / "home",
            work=directory / "work",
            validation=directory / "private/validation.csv",
            holdout=directory / "private/holdout.csv",
            listener_port=listener_port,
        )

    @property
    def state(self) -> Path:
        """The study's own directory."""
        return self.repository / ".overnight"

    @property
    def ledger(self) -> Path:
        """The record."""
        return self.state / "ledger.db"

    def as_environment(self) -> dict[str, str]:
        """The variable that tells a cheat."""
        return {_VARIABLE: json.dumps({name: str(it) for name, it in asdict(self).items()})}


def places() -> Places:
    """The places, as a cheat's program reads them."""
    told = json.loads(os.environ[_VARIABLE])
    port = int(told.pop("listener_port"))
    return Places(**{name: Path(it) for name, it in told.items()}, listener_port=port)
