"""The study file, and what it says of the repository."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from overnight.doctor.check import Group, Result, checks, failed, ok, warning
from overnight.doctor.patient import Patient
from overnight.doctor.words import listed
from overnight.durations import format_duration
from overnight.opening import refuse_branch, refuse_other_study, refuse_tracked_secrets
from overnight.patterns import PathPatterns
from overnight.prices import Prices
from overnight.report.standing import lock_holder
from overnight.sandbox.opening import exclusive_paths

_WITHOUT_COST = ("tune", "replay", "scripted")


def file(patient: Patient) -> Result:
    """The study file is there, and every key in it can be used."""
    study = patient.study
    return ok(f"{study.path.name} is valid: {study.objective.goal} {study.objective.metric}.")


def repository(patient: Patient) -> Result:
    """The study file stands at the top of a git repository that has a commit."""
    found = patient.repository
    return ok(f"The night starts from commit {found.head()[:7]} of {found.root}.")


def program(patient: Patient) -> Result:
    """The researcher is told what the study is about."""
    study = patient.study
    if study.program is None:
        return warning(
            "The researcher is told nothing but the objective.",
            fix='Write what you know into program.md, and program = "program.md".',
        )
    text = study.program_text()
    if not text.strip():
        return warning(f"{study.program} is empty.", fix="Write what the researcher should know.")
    return ok(f"{study.program} can be read; it has {len(text.splitlines())} lines.")


def scope(patient: Patient) -> Result:
    """The patterns of editable and protected files match files of the commit."""
    study, files = patient.study, patient.files
    editable = [path for path in files if study.editable.match(path)]
    both = [path for path in editable if study.protected.match(path)]
    unmatched = _unmatched(study.protected.patterns, files)
    if not set(editable) - set(both):
        return failed(
            f"No file of the commit may change: {listed(study.editable.patterns)} matches none.",
            fix=f"Correct scope.editable{_suggestion(study.editable.patterns, files)}, or commit"
            " the files that it names.",
        )
    if unmatched:
        return failed(
            f"scope.protected names {listed(unmatched)}, but no file of the commit matches.",
            fix=f"Correct it{_suggestion(unmatched, files)}, or commit the files that it names.",
        )
    if both:
        return warning(
            f"{listed(both)} is editable and protected; protected wins.",
            fix="Take it out of one of scope.editable and scope.protected.",
        )
    idle = _unmatched(study.editable.patterns, files)
    if idle:
        return warning(
            f"scope.editable names {listed(idle)}, but no file of the commit matches.",
            fix=f"Correct it{_suggestion(idle, files)}, unless the researcher is to make it.",
        )
    protected = sum(map(study.protected.match, files))
    return ok(f"{len(editable)} files may change, {protected} are protected, of {len(files)}.")


def uncommitted(patient: Patient) -> Result:
    """What stands in the working tree is what the night starts from."""
    dirty = patient.repository.uncommitted()
    if not dirty:
        return ok("No tracked file differs from the commit.")
    return warning(
        f"Uncommitted changes to {listed(dirty)} will not be part of the night.",
        fix="Run `git commit -a`, if they should be.",
    )


def exclusive_files(patient: Patient) -> Result:
    """The files of scorer and hold-out are there, and not in git where researchers see them."""
    paths = exclusive_paths(patient.study)
    refuse_tracked_secrets(patient.study, patient.repository)
    if not paths:
        return ok("The study keeps no file for a scorer or a hold-out alone.")
    return ok(f"{listed(map(str, paths))} can be read by scorer or hold-out alone.")


def branch(patient: Patient) -> Result:
    """The study's branch is the night's to move."""
    study, repository = patient.study, patient.repository
    refuse_branch(study, patient.layout, repository)
    incumbent = patient.ledger.incumbent() if patient.ledger is not None else None
    head = repository.branch_head()
    if incumbent is not None and head != incumbent.commit:
        return failed(
            f"{study.branch} is at {head}, not at the incumbent {incumbent.commit}.",
            fix=f"Run `git branch -f {study.branch} {incumbent.commit}`.",
        )
    where = "will be made" if head is None else f"is at {head[:7]}"
    return ok(f"{study.branch} {where}, and no working tree is on it.")


def ledger(patient: Patient) -> Result:
    """The ledger can be read by this version and belongs to this study."""
    found = patient.ledger
    if found is None:
        return ok("There is no ledger yet; the first night makes it.")
    refuse_other_study(patient.study, found)
    return ok(f"The ledger holds {len(found.trials())} trials of this study.")


def night(patient: Patient) -> Result:
    """No night of this study is running now."""
    holder = lock_holder(patient.layout.lock)
    if holder is None:
        return ok("No night of this study is running.")
    return warning(
        f"A night of this study is run by {holder}, and shares the machine with these checks.",
        fix="Stop it with `overnight stop`, if you want to be sure of the other findings.",
    )


def budget(patient: Patient) -> Result:
    """The night has an end, and its cost a limit."""
    study = patient.study
    limits = {key: value for key, value in study.budget.model_dump().items() if value is not None}
    priced = Prices(study.researcher.model, study.researcher.price).known()
    if study.budget.money_usd is not None and not priced:
        return failed(
            f"budget.money_usd is set, but no price is known of {study.researcher.model!r}.",
            fix="Add [researcher.price] with input and output in dollars per million tokens.",
        )
    if not limits:
        return warning("The night has no end.", fix="Set hours or trials in [budget].")
    told = ", ".join(f"{key} = {value:g}" for key, value in limits.items())
    free = study.researcher.kind in _WITHOUT_COST
    if not free and not {"agent_tokens", "money_usd"} & set(limits):
        longest = format_duration(study.researcher.deadline_s)
        return warning(
            f"The night ends with {told}, but what its agent may cost has no limit.",
            fix=f"Set budget.money_usd or budget.agent_tokens; one call may last {longest}.",
        )
    return ok(f"The night ends with {told}.")


CHECKS = checks(
    Group.STUDY,
    *(file, repository, program, scope, uncommitted),
    *(exclusive_files, branch, ledger, night, budget),
)


def _unmatched(patterns: Iterable[str], files: Sequence[str]) -> list[str]:
    return [pattern for pattern in patterns if not any(map(PathPatterns([pattern]).match, files))]


def _suggestion(patterns: Iterable[str], files: Sequence[str]) -> str:
    """A file that somebody may have meant."""
    close = [match for pattern in patterns for match in get_close_matches(pattern, files, n=1)]
    return f" (did you mean {close[0]!r}?)" if close else ""
