"""Watching a night for drift: facts from the record, an assessment after each trial, a response."""

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain

from overnight.bench import Bench
from overnight.config import JudgeTable
from overnight.drift.facts import StudyFacts, TrialFacts
from overnight.drift.judge import JudgeSettings, ask_judge
from overnight.drift.responses import Action, Response, ResponseSettings, next_response
from overnight.drift.score import Assessment, Vote, assess
from overnight.drift.settings import DriftSettings
from overnight.errors import JudgeFailed
from overnight.file_changes import changes_of
from overnight.ledger.records import Attempt, DriftRecord, TrialRecord
from overnight.report.rows import JUDGED_BY_VALUE
from overnight.stats import Noise
from overnight.types import State, Verdict

_MOST_FILES = 200
_MOST_PATCH_BYTES = 50_000


class DriftWatch:
    """Assesses a night after each trial, and says what should be done.

    Args:
        night: Whose responses count against their limits.
        can_roll_back: Whether there is a validated checkpoint to go back to.
    """

    def __init__(self, bench: Bench, *, night: int, can_roll_back: Callable[[], bool]) -> None:
        self._bench = bench
        self._table = bench.study.drift
        self._can_roll_back = can_roll_back
        self._settings = DriftSettings(window=self._table.window, burn_in=self._table.burn_in)
        self._responses = ResponseSettings(
            order=tuple(Action(name) for name in self._table.responses),
            limits={Action(name): most for name, most in self._table.limits.items()},
            grace=self._table.grace,
        )
        self._first: list[TrialFacts] = []
        self._latest: deque[TrialFacts] = deque(
            maxlen=2 * (self._settings.reach + self._settings.window)
        )
        self._given: list[Response] = []
        self._study: StudyFacts | None = None
        self._sizes: dict[str, int] = {}
        if self._table.watch:
            self._remember(night)

    def look(self, trial: TrialRecord, attempts: Sequence[Attempt]) -> Response | None:
        """Assess the night after a trial, record it, and say which response is due, if any."""
        if self._study is None:
            return None
        self._take(self._facts(trial, attempts))
        assessment = assess(
            self._study,
            self._trials(),
            self._settings,
            since=self._given[-1].trial + 1 if self._given else 0,
            vote=self._vote(trial.number),
        )
        response = next_response(
            self._given,
            trial.number,
            assessment,
            self._responses,
            impossible=() if self._can_roll_back() else (Action.ROLL_BACK,),
        )
        if response is not None:
            self._given.append(response)
        self._bench.ledger.record_drift(_record(trial.number, assessment, response))
        return response

    def refresh(self) -> None:
        """Take note that another trial is the incumbent, after a keep was taken back."""
        incumbent = self._bench.ledger.incumbent()
        if self._study is None or incumbent is None or incumbent.commit is None:
            return
        sources = self._editable_sources(incumbent.commit)
        self._sizes = {path: _lines(text) for path, text in sources.items()}

    def learn_noise(self, noise: Noise) -> None:
        """Take note of how much the metric differs between runs of the same commit."""
        if self._study is not None:
            self._study = replace(self._study, noise=noise.sd)

    def reminder(self, *, trial: int) -> Sequence[str]:
        """What the brief of a trial says of drift: the reasons of a response not long ago."""
        last = self._given[-1] if self._given else None
        is_recent = last is not None and trial <= last.trial + self._responses.grace
        return last.reasons if last is not None and is_recent else ()

    def _remember(self, night: int) -> None:
        """Take up what an earlier session has seen; only what still counts is read."""
        ledger = self._bench.ledger
        self._study = self._study_facts(self._bench.ledger.study.baseline_commit)
        self._sizes = {path: _lines(text) for path, text in self._study.sources.items()}
        finished = [t for t in ledger.trials(after=0) if t.state is State.DONE]
        counted = {id(trial) for trial in finished[: 2 * self._settings.burn_in]}
        counted |= {id(trial) for trial in finished[-(self._latest.maxlen or 0) :]}
        for trial in finished:
            if id(trial) in counted:
                self._take(self._facts(trial, ledger.attempts(trial.number)))
        numbers = {trial.number for trial in finished if trial.night == night}
        for seen in ledger.drift():
            if seen.response is not None and seen.trial in numbers:
                reasons = tuple(
                    str(signal.get("sentence", ""))
                    for signal in seen.signals
                    if signal.get("value")  # a judge's vote against drift has none
                )
                self._given.append(Response(Action(seen.response), seen.trial, reasons))

    def _take(self, facts: TrialFacts) -> None:
        if len(self._first) < 2 * self._settings.burn_in:
            self._first.append(facts)
        self._latest.append(facts)

    def _trials(self) -> list[TrialFacts]:
        beginning = self._latest[0].number if self._latest else 0
        earlier = [facts for facts in self._first if facts.number < beginning]
        return [*earlier, *self._latest]

    def _study_facts(self, baseline: str) -> StudyFacts:
        bench, study = self._bench, self._bench.study
        paths = frozenset(bench.repository.files(baseline))
        return StudyFacts(
            objective=study.objective,
            program=study.program_text(),
            measure_command=study.measure.command,
            sources=self._editable_sources(baseline),
            paths=paths,
            inside=tuple(str(place) for place in bench.workspaces.of_researcher),
        )

    def _editable_sources(self, commit: str) -> dict[str, str]:
        repository = self._bench.repository
        editable = sorted(filter(self._bench.study.editable.match, repository.files(commit)))
        return {path: repository.text(commit, path) for path in editable[:_MOST_FILES]}

    def _facts(self, trial: TrialRecord, attempts: Sequence[Attempt]) -> TrialFacts:
        ledger = self._bench.ledger
        runs = ledger.runs(trial.number)
        files = changes_of(self._bench.repository, trial)
        if trial.verdict is Verdict.KEEP:
            self._sizes |= {file.path: _lines(file.new or "") for file in files}
        tokens = [attempt.usage.total_tokens for attempt in attempts]
        return TrialFacts(
            number=trial.number,
            verdict=trial.verdict or Verdict.INTERRUPTED,
            title=trial.title,
            rationale=trial.rationale,
            target=trial.target,
            files=files,
            patch=self._patch(trial.number),
            gain=self._gain(trial),
            metrics=runs[-1].metrics if runs else {},
            holdout=ledger.holdout_gain(before=trial.number),
            agent_s=sum(attempt.duration_s for attempt in attempts),
            agent_tokens=sum(tokens) if any(tokens) else None,
            commands=tuple(chain.from_iterable(attempt.commands for attempt in attempts)),
            refused=tuple(chain.from_iterable(attempt.refused for attempt in attempts)),
            incumbent_files=sum(1 for lines in self._sizes.values() if lines),
            incumbent_lines=sum(self._sizes.values()),
        )

    def _gain(self, trial: TrialRecord) -> float | None:
        if trial.value is None or trial.to_beat is None or trial.verdict not in JUDGED_BY_VALUE:
            return None
        return self._bench.study.objective.goal.gain(old=trial.to_beat, new=trial.value)

    def _patch(self, trial: int) -> str:
        """The patch, for the judge alone."""
        file = self._bench.trials_dir / f"{trial:04d}" / "proposal.patch"
        if self._table.judge is None or not file.is_file():
            return ""
        with file.open("rb") as content:
            return content.read(_MOST_PATCH_BYTES).decode(errors="replace")

    def _vote(self, trial: int) -> Vote | None:
        table = self._table.judge
        if table is None or self._study is None or trial % table.every_trials:
            return None
        try:
            return ask_judge(_judge_settings(table), self._study, self._trials())
        except JudgeFailed as error:
            self._bench.watcher.say(str(error))
            return None


def _judge_settings(table: JudgeTable) -> JudgeSettings:
    key = os.environ.get(table.env_key) if table.env_key else None
    return JudgeSettings(table.base_url, table.model, api_key=key)


def _record(trial: int, assessment: Assessment, response: Response | None) -> DriftRecord:
    return DriftRecord(
        trial=trial,
        score=assessment.score,
        threshold=assessment.threshold,
        drifting=assessment.drifting,
        signals=[
            {"name": signal.name, "value": signal.value, "sentence": signal.sentence}
            for signal in assessment.signals
        ],
        response=None if response is None else str(response.action),
    )


def _lines(text: str) -> int:
    return text.count("\n") + (not text.endswith("\n") and bool(text))
