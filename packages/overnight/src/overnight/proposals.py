"""Getting a proposal out of a researcher: calls, retries, and what it left in its clone."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from overnight.bench import Bench
from overnight.durations import format_duration
from overnight.errors import AgentCrashed, NoChange, OvernightError, ResearcherError, Stopped
from overnight.guards.scope import refuse_content
from overnight.ledger.records import Attempt, TrialRecord
from overnight.progress import Phase
from overnight.researchers.base import Assignment
from overnight.timesheet import Activity
from overnight.types import Draft, Judgement, PastTrial, Usage, Verdict
from overnight.workspace.candidates import Candidate
from overnight.workspace.tree import Tree

_FIRST_RETRY_S = 5.0
_LONGEST_RETRY_S = 300.0


class Proposals:
    """Asks the study's researcher for proposals.

    Attributes:
        attempts: The calls that the last proposal took.
    """

    def __init__(self, bench: Bench) -> None:
        self.attempts: list[Attempt] = []
        self._bench = bench
        self._past: list[PastTrial] = []

    def make(self, trial: TrialRecord, brief: str) -> tuple[Draft, Candidate | Judgement]:
        """Call the researcher, again where that helps, and take its change out of the clone.

        Returns:
            What it said, and the candidate, or why its files cannot become one.

        Raises:
            ResearcherError: No proposal came of it.
            Stopped: The night was asked to stop.
        """
        self.attempts.clear()
        attempts = self._bench.study.researcher.attempts
        for ordinal in range(1, attempts + 1):
            try:
                return self._attempt(trial, brief)
            except ResearcherError as error:
                if not error.retryable or ordinal == attempts:
                    raise
                self._wait(trial, ordinal, error)
        raise AssertionError("the last attempt returns or raises")

    def refresh(self) -> None:
        """Read the history anew, after finished trials were changed."""
        self._past.clear()

    def _attempt(self, trial: TrialRecord, brief: str) -> tuple[Draft, Candidate | Judgement]:
        clone = self._bench.workspaces.clone(trial.parent_commit)
        assignment = self._assignment(trial, brief, clone)
        started_at, clock = datetime.now(UTC), time.monotonic()

        def record(outcome: str, message: str, usage: Usage) -> None:
            attempt = Attempt(
                outcome,
                message,
                started_at,
                duration_s=time.monotonic() - clock,
                usage=self._bench.prices.price(usage),
                commands=draft.commands if draft is not None else (),
                refused=tuple(refused.what for refused in assignment.room.refused),
            )
            self._bench.ledger.record_attempt(trial.number, attempt)
            self.attempts.append(attempt)

        draft: Draft | None = None
        try:
            draft = self._call(assignment)
            taken = self._take_out(trial, draft, clone)
        except ResearcherError as error:
            usage = error.usage or (draft.usage if draft else Usage())
            record(error.kind, str(error), usage)
            raise
        except Stopped:
            record("stopped", "The night was asked to stop.", Usage())
            raise
        record("proposal", "", draft.usage)
        return draft, taken

    def _call(self, assignment: Assignment) -> Draft:
        if self._bench.stop.is_set():
            raise Stopped("The night was asked to stop.")
        kind = self._bench.study.researcher.kind
        try:
            with self._bench.timesheet.during(Activity.THINKING):
                return self._bench.researcher.propose(assignment)
        except OvernightError:
            raise
        except Exception as error:
            raise AgentCrashed(f"The researcher {kind!r} failed: {error!r}.") from error

    def _take_out(self, trial: TrialRecord, draft: Draft, clone: Tree) -> Candidate | Judgement:
        try:
            changes = clone.changes()
            if not changes:
                raise NoChange("The researcher changed no file.")
            refusal = refuse_content(changes, max_file_bytes=self._bench.study.max_file_bytes)
            if refusal is not None:
                return refusal
            candidate = self._bench.repository.commit_proposal(
                trial=trial.number,
                parent=trial.parent_commit,
                message=_commit_message(trial.number, draft),
                work_tree=clone.root,
                changes=changes,
            )
        except OSError as error:
            reason = f"Its clone cannot be read: {error.strerror or error}."
            return Judgement(Verdict.OUT_OF_SCOPE, reason)
        if candidate is None:
            raise NoChange("The researcher left every file's content as it was.")
        return candidate

    def _assignment(self, trial: TrialRecord, brief: str, clone: Tree) -> Assignment:
        bench = self._bench
        trial_dir = bench.trial_dir(trial.number)
        brief_path = trial_dir / "brief.md"
        brief_path.write_text(brief, encoding="utf-8")
        outbox = bench.workspaces.outbox()
        room = bench.rooms.researcher(
            writable=(clone.root, outbox, bench.researcher_home),
            readable=(brief_path,),
            home=bench.researcher_home,
        )
        bench.watcher.phase(
            trial.number, Phase.PROPOSING, deadline_s=bench.study.researcher.deadline_s
        )
        return Assignment(
            trial=trial.number,
            brief=brief,
            brief_path=brief_path,
            workspace=clone.root,
            trial_dir=trial_dir,
            outbox=outbox,
            home=bench.researcher_home,
            objective=bench.study.objective,
            editable=bench.study.editable,
            incumbent_commit=trial.parent_commit,
            history=self._history,
            room=room,
        )

    def _history(self) -> Sequence[PastTrial]:
        """Every finished trial; only those that are new since the last call are read."""
        last = self._past[-1].number if self._past else -1
        fresh = self._bench.ledger.trials(after=last)
        self._past += [trial.past() for trial in fresh if trial.finished_at is not None]
        return tuple(self._past)

    def _wait(self, trial: TrialRecord, ordinal: int, error: ResearcherError) -> None:
        wait_s = min(_FIRST_RETRY_S * 2 ** (ordinal - 1), _LONGEST_RETRY_S)
        if error.retry_after_s is not None:
            wait_s = min(error.retry_after_s, _LONGEST_RETRY_S)
        self._bench.watcher.say(f"{error} Trying again in {format_duration(wait_s)}.")
        self._bench.watcher.phase(trial.number, Phase.WAITING, deadline_s=wait_s)
        with self._bench.timesheet.during(Activity.IDLE):
            stopped = self._bench.stop.wait(wait_s)
        if stopped:
            raise Stopped("The night was asked to stop.")


def _commit_message(trial: int, draft: Draft) -> str:
    return f"{draft.title}\n\n{draft.rationale}\n\nOvernight-Trial: {trial}\n"
