"""Every failure that expertswap reports, in one tree.

::

    ExpertswapError                a sentence for the user, and the fix where there is one
    ├── CheckpointError            a model's directory cannot be used; names the file
    │   ├── CheckpointDamaged      a shard is truncated, missing or not what its index says
    │   ├── NotMixtureOfExperts    the model has no routed experts
    │   └── UnknownFamily          no file under families/ knows this model type
    ├── PromptsError               the prompts cannot be read; names the line
    ├── ObservationError           an observation is damaged, or of another model
    ├── TraceError                 a routing trace is damaged, or of another model
    ├── PruningRefused             what is asked would leave a model that cannot run
    ├── QuantizationRefused        these weights cannot be quantised so
    ├── PlanError                  a plan cannot be made or read
    │   └── BudgetTooSmall         the memory does not hold what one token needs
    └── OutputError                the output exists, or the disk is full; nothing half-made is left
"""


class ExpertswapError(Exception):
    """A failure stated as one sentence.

    Args:
        message: What happened, as a sentence for the user.
        fix: What the user can do about it, or None where nothing is known to help.
    """

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} {self.fix}" if self.fix else self.message


class CheckpointError(ExpertswapError):
    """A model's directory cannot be used; names the file."""


class CheckpointDamaged(CheckpointError):
    """A shard is truncated, missing or not what its index says."""


class NotMixtureOfExperts(CheckpointError):
    """The model has no routed experts."""


class UnknownFamily(CheckpointError):
    """No file under ``families/`` knows this model type."""


class PromptsError(ExpertswapError):
    """The prompts cannot be read; names the line."""


class ObservationError(ExpertswapError):
    """An observation is damaged, or of another model."""


class TraceError(ExpertswapError):
    """A routing trace is damaged, or of another model."""


class PruningRefused(ExpertswapError):
    """What is asked would leave a model that cannot run."""


class QuantizationRefused(ExpertswapError):
    """These weights cannot be quantised so."""


class PlanError(ExpertswapError):
    """A plan cannot be made or read."""


class BudgetTooSmall(PlanError):
    """The memory does not hold what one token needs."""


class OutputError(ExpertswapError):
    """The output exists, or the disk is full; nothing half-made is left."""
