"""Checkpoints: baseline and incumbent measured again; a chain that does not hold is cut back."""

from collections.abc import Mapping
from dataclasses import replace

from overnight.bench import Bench
from overnight.checkpoints.again import Again
from overnight.checkpoints.chain import Anchor, Chain, Spread, spread_of
from overnight.checkpoints.judging import Finding, Rule, judge_spans
from overnight.checkpoints.schedule import Since
from overnight.ledger.records import CheckpointRecord, TrialRecord
from overnight.types import (
    VALIDATING,
    CheckpointKind,
    EventKind,
    JsonValue,
    Purpose,
    Validation,
)


class Checkpoints:
    """Validates the incumbent of a night's study.

    Args:
        night: The night that checkpoints are recorded under.
    """

    def __init__(self, bench: Bench, *, night: int) -> None:
        self._bench = bench
        self._ledger = bench.ledger
        self._goal = bench.study.objective.goal
        self._night = night
        self._rule = Rule(
            least_share=bench.study.checkpoint.least_share,
            holdout_compares=bench.study.holdout is None or bench.study.holdout.metric is None,
        )

    def make(self, kind: CheckpointKind) -> CheckpointRecord:
        """Measure baseline and incumbent again, judge, and demote what is at fault.

        Raises:
            Stopped: A stop was asked for; the next session makes the checkpoint again.
            OvernightError: Something other than a candidate failed.
        """
        kept = self._ledger.kept()
        baseline, incumbent = kept[0], kept[-1]
        checkpoint = self._begin(kind, incumbent)
        with Again(self._bench, checkpoint, purpose=Purpose.CHECKPOINT) as again:
            of_baseline, of_incumbent = again.in_turn(
                [baseline, incumbent], repeats=self._bench.study.checkpoint.repeats, holdout=True
            )
            chain = Chain(self._goal, baseline, incumbent, of_baseline, of_incumbent)
            finding, facts = self._judge(chain)
            if finding.outcome is not Validation.REFUTED:
                self._ledger.end_checkpoint(
                    checkpoint, finding.outcome, reason=finding.reason, facts=facts
                )
            else:
                culprit = self._find_culprit(again, chain)
                reason = f"{finding.reason} At fault: trial {culprit.number}."
                self._demote(checkpoint, culprit, reason=reason, facts=facts)
        return self._ledger.checkpoints()[-1]

    def spread(self) -> Spread:
        """The noise of single runs, as far as checkpoints have shown it."""
        return spread_of(
            self._ledger.runs_again(),
            metric=self._bench.study.objective.metric,
            holdout_metric=self._bench.measuring.holdout_metric,
        )

    def can_roll_back(self) -> bool:
        """Whether anything was kept since the last validation."""
        return bool(self._kept_since_anchor())

    def roll_back(self, reason: str) -> CheckpointRecord | None:
        """Go back to the last validated incumbent, or to the baseline; None when that is now."""
        later = self._kept_since_anchor()
        if not later:
            return None
        checkpoint = self._begin(CheckpointKind.DRIFT, later[-1])
        self._demote(checkpoint, later[0], reason=reason, facts={})
        return self._ledger.checkpoints()[-1]

    def finish_demotions(self) -> None:
        """Move the branch back where a demotion was cut off in between."""
        incumbent = self._ledger.incumbent()
        for checkpoint in self._ledger.checkpoints():
            if checkpoint.branch_from is not None and incumbent is not None:
                self._move_back(checkpoint.id, old=checkpoint.branch_from, incumbent=incumbent)

    def since_last(self, *, active_s: float) -> Since:
        """What has happened since the last checkpoint that came to a finding.

        Args:
            active_s: Time at work since then.
        """
        found = [c for c in self._ledger.checkpoints(*VALIDATING) if _is_finding(c)]
        after = found[-1].after_trial if found else 0
        return Since(
            trials=self._ledger.count_judged(after=after),
            keeps=self._ledger.count_standing(after=after),
            active_s=active_s,
        )

    def _begin(self, kind: CheckpointKind, incumbent: TrialRecord) -> int:
        latest = self._ledger.latest(1)
        return self._ledger.begin_checkpoint(
            kind,
            night=self._night,
            after_trial=latest[0].number if latest else 0,
            incumbent=incumbent.number,
        )

    def _judge(self, chain: Chain) -> tuple[Finding, dict[str, JsonValue]]:
        """What measuring a chain's ends again says of it."""
        spans = chain.spans(self.spread(), self._anchor())
        finding = judge_spans(
            self._rule, baseline=chain.of_baseline, incumbent=chain.of_incumbent, spans=spans
        )
        return finding, chain.facts(spans)

    def _find_culprit(self, again: Again, chain: Chain) -> TrialRecord:
        """The first keep since the last validation from which on the chain does not hold.

        Bisects: what is built on a keep at fault is taken to fail as well.
        """
        suspects = self._kept_since_anchor() or [chain.incumbent]
        low, high = 0, len(suspects) - 1  # the last one is known to fail
        repeats = self._bench.study.checkpoint.repeats
        while low < high:
            middle = (low + high) // 2
            [sample] = again.in_turn([suspects[middle]], repeats=repeats, holdout=True)
            finding, _ = self._judge(
                replace(chain, incumbent=suspects[middle], of_incumbent=sample)
            )
            if finding.outcome is Validation.REFUTED:
                high = middle
            else:
                low = middle + 1
        return suspects[high]

    def _demote(
        self,
        checkpoint: int,
        culprit: TrialRecord,
        *,
        reason: str,
        facts: Mapping[str, JsonValue],
    ) -> None:
        before = self._ledger.incumbent()
        if before is None or before.commit is None:
            raise ValueError("nothing has been kept yet")
        demoted = self._ledger.intend_demotion(
            checkpoint,
            culprit=culprit.number,
            branch_from=before.commit,
            reason=reason,
            facts=facts,
        )
        incumbent = self._ledger.incumbent()
        if incumbent is None:
            raise ValueError("the baseline cannot be demoted")
        self._move_back(checkpoint, old=before.commit, incumbent=incumbent)
        self._ledger.record_event(
            EventKind.DEMOTED,
            reason,
            night=self._night,
            trial=culprit.number,
            details={"demoted": list(demoted), "incumbent": incumbent.number},
        )
        self._bench.results.rewrite()

    def _move_back(self, checkpoint: int, *, old: str, incumbent: TrialRecord) -> None:
        self._bench.repository.move_branch(old=old, new=incumbent.commit or "")
        self._ledger.finish_demotion(checkpoint)

    def _kept_since_anchor(self) -> list[TrialRecord]:
        anchor = self._anchor()
        after = anchor.trial.number if anchor is not None else 0
        return [trial for trial in self._ledger.kept() if trial.number > after]

    def _anchor(self) -> Anchor | None:
        """The last validation whose incumbent still stands."""
        standing = {trial.number: trial for trial in self._ledger.kept()}
        for checkpoint in reversed(self._ledger.checkpoints(*VALIDATING)):
            gain, holdout_gain = (checkpoint.facts.get(name) for name in ("gain", "holdout_gain"))
            trial = standing.get(checkpoint.incumbent)
            if checkpoint.outcome is Validation.VALIDATED and trial and isinstance(gain, float):
                known = holdout_gain if isinstance(holdout_gain, float) else None
                return Anchor(trial, gain, known)
        return None


def _is_finding(checkpoint: CheckpointRecord) -> bool:
    return checkpoint.outcome not in (None, Validation.INTERRUPTED)
