"""The researcher and the agent behind it: program, version, key, endpoint, one call."""

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from overnight.doctor.asking import answer, lookup_line, probe_line
from overnight.doctor.check import Group, Result, checks, failed, ok, skipped, warning
from overnight.doctor.checks.network import endpoints, judge_reached
from overnight.doctor.patient import Patient
from overnight.doctor.words import listed, sentence
from overnight.errors import AuthenticationFailed, NothingLeft, OvernightError, ResearcherError
from overnight.researchers.base import AgentFacts, Askable, Examinable
from overnight.sandbox.base import NEEDED, OFF, ON
from overnight.sandbox.machine import user_home
from overnight.types import SandboxKind

_WITHOUT_AGENT = ("tune", "replay", "scripted")
_NO_AGENT = "The researcher has no agent."
_QUESTION = "This is a test. Run nothing and change nothing. Answer with the single word: ok"
_NUMBER = re.compile(r"\d+(?:\.\d+)+")
_KEY_NAME = re.compile(r"\b[A-Z][A-Z0-9_]*KEY\b")
_START_FILES = (".bashrc", ".zshrc", ".bash_profile", ".profile")


def kind(patient: Patient) -> Result:
    """The researcher is known, and its options can work."""
    table = patient.study.researcher
    _ = patient.researcher
    model = f" with {table.model}" if table.model else ""
    return ok(f"The researcher is {table.kind}{model}.")


def proposes(patient: Patient) -> Result:
    """A researcher without a model finds something to propose."""
    kind = patient.study.researcher.kind
    if kind not in _WITHOUT_AGENT:
        return skipped("Its proposals cost money.")
    try:
        draft = patient.researcher.propose(patient.desk.assignment())
    except NothingLeft as error:
        return failed(error.message, fix=error.fix or "Give it more in [researcher.options].")
    return ok(sentence(f"{kind} would propose: {draft.title}"))


def program(patient: Patient) -> Result:
    """The agent's program is installed, starts inside, and is of a version that was tried."""
    facts = _facts(patient)
    if facts is None:
        return skipped(_NO_AGENT)
    missing = [name for name in facts.programs if shutil.which(name) is None]
    if missing:
        return failed(
            f"{listed(missing)}, which the researcher starts, is not installed.",
            fix="Install it, or correct [researcher.options].",
        )
    if not facts.version:
        return _starts(patient, facts)
    told = _inside(patient, facts, facts.version)
    version = _NUMBER.search(told)
    if facts.tested and (version is None or version[0] != facts.tested):
        return warning(
            f"{sentence(told)} This was made for {facts.tested}, and agents change.",
            fix=f"Install {facts.tested}, or make one call first: `overnight doctor --call`.",
        )
    return ok(f"{sentence(told)[:-1]} starts inside.")


def options(patient: Patient) -> Result:
    """The agent still has the options that it is started with."""
    facts = _facts(patient)
    if facts is None or not facts.help:
        return skipped(_NO_AGENT if facts is None else "It does not tell its options.")
    told = _inside(patient, facts, facts.help)
    return judge_options(told, facts)


def judge_options(told: str, facts: AgentFacts) -> Result:
    """Whether what an agent says of its options has all that are used.

    Args:
        told: Its help.
    """
    known = set(re.findall(r"--[\w-]+", told))
    lost = [option for option in facts.options if option not in known]
    if lost:
        how = f"Install {facts.tested}." if facts.tested else "Install another version."
        return failed(f"The agent has no option {listed(lost)} any more.", fix=how)
    return ok(f"The agent has {listed(facts.options)}.")


def key(patient: Patient) -> Result:
    """The agent's key is where it will be looked for."""
    researcher = patient.researcher
    if not isinstance(researcher, Examinable):
        return skipped(_NO_AGENT)
    try:
        source = researcher.key()
    except AuthenticationFailed as error:
        where = _start_file_with(_KEY_NAME.findall(str(error)), home=user_home(patient.environ))
        if where is None:
            raise
        return failed(
            f"{error.message} {where.name} sets one, but only interactive shells read that.",
            fix=f"Run `export` here with the line of {where}, and start the night in this shell.",
        )
    return ok(f"The key comes from {source}." if source else "The agent needs no key of ours.")


def endpoint(patient: Patient) -> Result:
    """The model's endpoint can be reached from inside."""
    facts, study = _facts(patient), patient.study
    if facts is None or not facts.needs.hosts:
        return skipped(_NO_AGENT if facts is None else "It does not tell which hosts it needs.")
    network = study.researcher.network
    if network == OFF:
        return failed(
            f"The agent needs {listed(facts.needs.hosts)}, but researcher.network is off.",
            fix='Write researcher.network = "needed".',
        )
    wanted = endpoints(facts.needs.hosts)
    told = patient.desk.run_line(probe_line("reach", *wanted), needs=facts.needs)
    by_proxy = network != ON and study.sandbox.kind is not SandboxKind.NONE
    way = "through" if by_proxy else "directly"
    problems = {place: it[way] for place, it in answer(told, probe="reach").items()}
    where = "the researcher's options" if network == NEEDED else "researcher.network"
    return judge_reached(problems, key=where) or ok(f"{listed(wanted)} can be reached from inside.")


def sees_gpu(patient: Patient) -> Result:
    """The agent can try its ideas where they will be measured."""
    facts = _facts(patient)
    if facts is None:
        return skipped(_NO_AGENT)
    if facts.cautions:
        caution, fix = facts.cautions[0]
        return warning(caution, fix=fix)
    if patient.ward.gpu is not None and not patient.study.researcher.gpu:
        return warning("The agent sees no GPU.", fix="Write researcher.gpu = true.")
    return ok("Nothing but the study's sandbox stands around the agent.")


def identity(patient: Patient) -> Result:
    """An agent that makes commits of its own, which nobody needs, is not stopped by that."""
    if _facts(patient) is None:
        return skipped(_NO_AGENT)
    told = patient.desk.run(("git", "var", "GIT_AUTHOR_IDENT"))
    if told.ending.code != 0:
        why = told.last_lines[-1:] or (f"exit code {told.ending.code}",)
        return warning(f"git does not work inside: {sentence(why[0])}", fix="Install git.")
    who = told.text.rpartition(">")[0]
    ours = "Kept commits are made by 'overnight'"
    return ok(sentence(f"{ours}, the agent's own by {who}>; only its files are taken"))


def call(patient: Patient) -> Result:
    """The agent answers a question inside, with this key and this model."""
    researcher = patient.researcher
    if not isinstance(researcher, Askable):
        return skipped("It can be asked nothing but proposals.")
    if not patient.wishes.call:
        return skipped("It costs a little.", fix="Allow it with --call.")
    try:
        told = researcher.ask(_QUESTION, patient.desk.assignment())
    except ResearcherError as error:
        return failed(
            sentence(f"The call failed ({error.kind}): {error.message}"),
            fix=error.fix or "See docs/researchers.md.",
        )
    if "ok" not in told.lower():
        return warning(f"The agent answered {sentence(told)}", fix="Look at researcher.model.")
    return ok("The agent answered.")


CHECKS = checks(
    Group.AGENT,
    *(kind, proposes, program, options, key, endpoint, sees_gpu, identity, call),
)


def _facts(patient: Patient) -> AgentFacts | None:
    researcher = patient.researcher
    if not isinstance(researcher, Examinable):
        return None
    return researcher.facts(patient.study.sandbox.kind)


def _inside(patient: Patient, facts: AgentFacts, arguments: Sequence[str]) -> str:
    """What the agent's program prints inside.

    Raises:
        OvernightError: It does not start there.
    """
    name = facts.programs[0]
    told = patient.desk.run((name, *arguments), needs=facts.needs)
    if told.ending.code != 0:
        last = told.last_lines[-1:] or (f"exit code {told.ending.code}",)
        raise OvernightError(
            f"`{Path(name).name} {' '.join(arguments)}` fails inside: {sentence(last[0])}",
            fix="Run it outside; if it works there, name its directory in sandbox.read.",
        )
    return told.text.strip()


def _starts(patient: Patient, facts: AgentFacts) -> Result:
    """Whether programs that tell no version are there inside."""
    told = patient.desk.run_line(lookup_line(facts.programs), needs=facts.needs)
    lost = told.text.splitlines()
    if lost:
        place = Path(shutil.which(lost[0]) or lost[0]).resolve().parent
        return failed(
            f"{listed(lost)} is installed, but cannot be seen inside.",
            fix=f'Add "{place}" to sandbox.read.',
        )
    return ok(f"{listed(facts.programs)} can be started inside.")


def _start_file_with(names: Iterable[str], *, home: Path) -> Path | None:
    """A file of interactive shells that sets one of some variables."""
    wanted = re.compile(rf"^\s*(?:export\s+)?(?:{'|'.join(names) or '(?!)'})=", re.MULTILINE)
    for name in _START_FILES:
        file = home / name
        if os.access(file, os.R_OK) and wanted.search(file.read_text(errors="replace")):
            return file
    return None
