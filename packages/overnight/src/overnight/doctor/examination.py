"""Examining a patient, check by check; whatever is broken becomes a finding."""

import time
from dataclasses import dataclass

from overnight.doctor.check import Broken, Check, Result, Status, failed, skipped
from overnight.doctor.patient import Patient
from overnight.doctor.words import sentence
from overnight.errors import OvernightError

_AGAIN = "Mend that, and run `overnight doctor` again."


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A check and what it found."""

    check: Check
    result: Result
    duration_s: float

    @property
    def is_bad(self) -> bool:
        """Whether a night should not begin."""
        return self.result.status is Status.FAILED


class Examination:
    """Makes checks on one patient.

    What several checks need and cannot have is told by the first of them; the others are skipped.
    """

    def __init__(self, patient: Patient) -> None:
        self._patient = patient
        self._told: list[tuple[Exception, str]] = []

    def make(self, check: Check) -> Diagnosis:
        """Make one check; never raises because something is broken."""
        began_s = time.monotonic()
        result = self._result(check)
        return Diagnosis(check, result, time.monotonic() - began_s)

    def _result(self, check: Check) -> Result:
        try:
            return check.examine(self._patient)
        except (OvernightError, OSError) as error:
            teller = next((name for known, name in self._told if known is error), None)
            if teller is not None:
                return skipped(f"It needs what {teller} found broken.")
            self._told.append((error, check.name))
            return _as_result(error)


def _as_result(error: OvernightError | OSError) -> Result:
    if isinstance(error, OvernightError):
        first, *more = error.message.splitlines()
        more += error.details if isinstance(error, Broken) else ()
        return failed(sentence(first), fix=error.fix or _AGAIN, details=more)
    where = f"{error.filename}: " if error.filename else ""
    return failed(f"{where}{error.strerror or error}.", fix=_AGAIN)
