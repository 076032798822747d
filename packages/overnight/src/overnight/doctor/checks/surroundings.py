"""What a program finds around itself inside: variables, input, encoding, shared memory."""

from collections.abc import Mapping

from overnight.doctor.check import Group, Result, checks, failed, ok, warning
from overnight.doctor.patient import Patient
from overnight.doctor.words import listed, size
from overnight.sandbox.environment import is_secret
from overnight.types import SandboxKind

_LEAST_SHARED_BYTES = 2**30


def secrets(patient: Patient) -> Result:
    """No key of yours is in the environment of the measured command."""
    found = patient.ward.surroundings["variables"]
    return judge_variables(found, environ=patient.environ, passed=patient.study.measure.pass_env)


def judge_variables(
    found: list[str], *, environ: Mapping[str, str], passed: tuple[str, ...]
) -> Result:
    """Whether variables that are there inside hold secrets.

    Args:
        found: Their names.
        environ: The user's own environment, with the values.
        passed: Names that the study hands on although they look like secrets.
    """
    seen = [name for name in found if name in environ and name not in passed]
    secret = [name for name in seen if is_secret(name, environ[name])]
    if secret:
        return failed(f"The measured command sees {listed(secret)}.", fix="Unset it for the night.")
    if handed_on := [name for name in passed if name in found]:
        return warning(
            f"The measured command sees {listed(handed_on)}, because measure.pass_env names it.",
            fix="Take it out there if the run does not need it; code of the agent can read it.",
        )
    return ok(f"It finds {len(found)} variables, and none looks like a secret.")


def input_is_closed(patient: Patient) -> Result:
    """Whatever asks a question finds the end of its input, and no terminal."""
    found = patient.ward.surroundings
    if found["input"] or found["is_terminal"]:
        return failed(
            "The measured command is connected to a terminal, or finds input.",
            fix="Tell us: it should find neither.",
        )
    return ok("A program that asks a question reads end of file, and does not wait.")


def encoding(patient: Patient) -> Result:
    """Text is read and written as UTF-8."""
    return judge_encodings(patient.ward.surroundings["encodings"])


def judge_encodings(names: list[str]) -> Result:
    """Whether what a program takes for the encodings of text and of file names is UTF-8."""
    odd = [name for name in names if _plain(name) != "utf8"]
    if odd:
        return warning(
            f"Programs read and write text as {listed(odd)}, not as UTF-8.",
            fix="Run `export LC_ALL=C.UTF-8` before `overnight run`.",
        )
    return ok("Text is UTF-8.")


def shared_memory(patient: Patient) -> Result:
    """Processes that hand data to each other, such as data loaders, have shared memory."""
    there = patient.ward.surroundings["shared_memory_bytes"]
    if there >= _LEAST_SHARED_BYTES:
        return ok(f"Shared memory has {size(there)}.")
    how = (
        "Start the container with `--shm-size=8g`."
        if patient.study.sandbox.kind is SandboxKind.NONE
        else "Raise sandbox.memory_gb; it has a quarter of that."
    )
    return warning(
        f"Shared memory has {size(there)}; data loaders with workers die of a bus error.",
        fix=how,
    )


CHECKS = checks(Group.SANDBOX, secrets, input_is_closed, encoding, shared_memory)


def _plain(encoding_name: str) -> str:
    return encoding_name.lower().replace("-", "")
