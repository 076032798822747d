"""One proposal by a model alone: show it the files, make its edits, say what did not fit."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from overnight.brief import one_line
from overnight.errors import AgentCrashed, AgentMisconfigured, ResearcherError
from overnight.patterns import PathPatterns
from overnight.processes.supervisor import EndedBy, Ending
from overnight.researchers.agent.endings import refuse_ending
from overnight.researchers.agent.options import check_options
from overnight.researchers.agent.researcher import AgentResearcher
from overnight.researchers.agent.transcript import Transcript, read_draft, total
from overnight.researchers.base import Assignment, Researcher, ResearcherSettings
from overnight.researchers.chat.blocks import Problem, parse
from overnight.researchers.chat.conversation import Messages, opening, repair
from overnight.researchers.chat.edits import Edits
from overnight.researchers.chat.model import Model
from overnight.researchers.chat.options import ChatOptions
from overnight.researchers.files import Selection, select
from overnight.types import Draft, Usage

_NAME = Model.program.agent


@dataclass(slots=True)
class _Meter:
    """What the calls of one proposal have used so far.

    Attributes:
        until: When they have to be done, on the monotonic clock, in seconds.
    """

    until: float
    usages: list[Usage] = field(default_factory=list)
    calls: int = 0

    @property
    def usage(self) -> Usage | None:
        return total(self.usages)

    def add(self, usage: Usage | None) -> None:
        self.usages += [usage] if usage is not None else []


class ChatResearcher(AgentResearcher):
    """Asks a model once per proposal, and again about edits that do not fit.

    Args:
        settings: The study's researcher.

    Raises:
        AgentMisconfigured: The options cannot work.
    """

    def __init__(self, settings: ResearcherSettings) -> None:
        self._options = check_options(ChatOptions, settings)
        if settings.model is None:
            raise AgentMisconfigured(
                "researcher.model is missing, and chat has no default.",
                fix="Write the model's name as the endpoint knows it.",
            )
        super().__init__(Model(self._options, model=settings.model), settings)

    def propose(self, assignment: Assignment) -> Draft:
        """Ask, and edit the clone when all edits fit.

        Raises:
            ResearcherError: The endpoint failed, or the edits do not fit.
            Stopped: The night was asked to stop.
        """
        files = self._select(assignment, assignment.editable)
        others = self._select(assignment, PathPatterns(self._options.show))
        messages = opening(self._prompt, assignment.brief, files, others)
        known = {*(file.path for file in files.shown), *files.left_out}
        edits = Edits(assignment.workspace, assignment.editable)
        meter = _Meter(until=time.monotonic() + self._limits.deadline_s)
        prose, problems = "", list[Problem]()
        for _ in range(self._options.repairs + 1):
            answer = self._answer(assignment, messages, meter)
            parsed = parse(answer, known=known)
            prose = prose or parsed.prose
            problems = [*parsed.problems, *edits.make(parsed.blocks)]
            if parsed.blocks and not problems:
                return _finish(edits, prose, meter.usage)
            messages += repair(answer, problems)
        raise _unusable(problems, meter.usage)

    def ask(self, question: str, assignment: Assignment) -> str:
        """What the model answers to a short question.

        Raises:
            ResearcherError: The endpoint failed, fell silent or took too long.
            Stopped: It was asked to stop.
        """
        return super().ask(json.dumps([{"role": "user", "content": question}]), assignment)

    def _select(self, assignment: Assignment, patterns: PathPatterns) -> Selection:
        room = self._options.show_characters
        return select(assignment.workspace, patterns, brief=assignment.brief, most_characters=room)

    def _answer(self, assignment: Assignment, messages: Messages, meter: _Meter) -> str:
        """One call, within what is left of the proposal's time."""
        meter.calls += 1
        limits = replace(self._limits, deadline_s=meter.until - time.monotonic())
        if limits.deadline_s <= 0:
            over = Ending(EndedBy.DEADLINE, None, self._limits.deadline_s)
            refuse_ending(over, program=_NAME, limits=self._limits, usage=meter.usage)
        prompt = json.dumps(messages)
        try:
            with self._call(assignment, prompt, part=meter.calls) as call:
                transcript = self._run(call, limits)
        except ResearcherError as error:
            meter.add(error.usage)
            error.usage = meter.usage
            raise
        meter.add(transcript.usage)
        return transcript.message


def _finish(edits: Edits, prose: str, usage: Usage | None) -> Draft:
    try:
        edits.write()
    except OSError as error:
        raise AgentCrashed(f"The clone cannot be written to: {error}.", usage=usage) from error
    return read_draft(Transcript(message=prose), usage)


def _unusable(problems: Sequence[Problem], usage: Usage | None) -> AgentCrashed:
    if not problems:
        return AgentCrashed("The model's answer holds no edit.", usage=usage)
    first = one_line(problems[0].why.partition("\n")[0])
    return AgentCrashed(
        f"Of the model's edits {len(problems)} cannot be used; the first: {first}.", usage=usage
    )


def create(settings: ResearcherSettings) -> Researcher:
    """The researcher for ``kind = "chat"``.

    Raises:
        AgentMisconfigured: Its options cannot work.
    """
    return ChatResearcher(settings)
