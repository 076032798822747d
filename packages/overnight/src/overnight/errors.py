"""Every failure that overnight reports, in one tree.

::

    OvernightError                 a sentence for the user, and the fix where there is one
    ├── StudyFileError             overnight.toml: which key, which line, what to write
    ├── RepositoryError            the user's repository cannot carry a study
    │   ├── GitFailed              a git command failed; carries its stderr
    │   └── BranchMoved            somebody else moved the study's branch
    ├── LedgerError                the ledger refuses a write or cannot be read
    ├── StudyBusy                  another `overnight run` holds this study
    ├── BaselineFailed             the unmodified start has no usable measurement
    ├── ScorerFailed               the study's own scorer cannot be made ready
    ├── ProcessLost                the process supervisor died under a command
    ├── SandboxFailed              the sandbox cannot be made here
    ├── JudgeFailed                the drift judge gave no vote
    ├── DeviceMissing              the GPU that the study names is absent, taken or lost
    ├── Stopped                    the user or the system asked the night to end
    └── ResearcherError            no proposal came; never counted as a failed idea
        ├── AgentMissing           the program is not installed
        ├── AgentMisconfigured     its settings cannot work
        ├── AuthenticationFailed   401, 403, no key
        ├── QuotaExhausted         no credit left
        ├── RequestRejected        400 and friends: the same request will fail again
        ├── RateLimited            429
        ├── ServerFailed           5xx, overloaded, connection refused
        ├── StreamCut              the answer broke off
        ├── AgentHung              silent for too long
        ├── AgentTimedOut          used up its time without ending
        ├── AgentCrashed           ended with an error of its own
        ├── NoChange               ended well and changed nothing
        └── NothingLeft            a search without a model has no point left to try
"""

from typing import ClassVar

from overnight.types import Usage


class OvernightError(Exception):
    """A failure stated as one sentence.

    Args:
        message: What happened, as a sentence for the user.
        fix: What the user can do about it, or None where nothing is known to help.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} {self.fix}" if self.fix else self.message


class StudyFileError(OvernightError):
    """The study file cannot be used; says where and how to mend it."""

    exit_code = 2


class RepositoryError(OvernightError):
    """The repository cannot carry a study as it stands."""


class GitFailed(RepositoryError):
    """A git command failed."""

    def __init__(self, message: str, *, stderr: str = "", fix: str | None = None) -> None:
        super().__init__(message, fix=fix)
        self.stderr = stderr


class BranchMoved(RepositoryError):
    """The study's branch is not where the ledger left it."""


class LedgerError(OvernightError):
    """The ledger refuses a write that would contradict it, or cannot be read."""


class StudyBusy(OvernightError):
    """Another process is running this study."""

    exit_code = 3


class BaselineFailed(OvernightError):
    """The unmodified start could not be measured, so nothing can be compared with it."""


class ScorerFailed(OvernightError):
    """The scorer's tree could not be set up, which is no candidate's fault."""


class ProcessLost(OvernightError):
    """The supervisor of a command died; its processes were cleaned up as far as they show."""


class SandboxFailed(OvernightError):
    """No command can be confined as the study asks."""


class DeviceMissing(OvernightError):
    """The GPU that the study needs is not to be had."""


class JudgeFailed(OvernightError):
    """The drift judge gave no usable answer; the night goes on without its vote."""


class Stopped(OvernightError):
    """The night was asked to stop while something was under way."""

    exit_code = 130


class ResearcherError(OvernightError):
    """A researcher ended without a proposal; says nothing about any idea.

    Attributes:
        kind: Short stable name, as it stands in the ledger.
        retryable: Whether the same call may succeed a little later.
        retry_after_s: How long the endpoint asked to wait, where it did.
        usage: What the failed call used, where that is known.
    """

    kind: ClassVar[str] = "researcher"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        fix: str | None = None,
        retry_after_s: float | None = None,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(message, fix=fix)
        self.retry_after_s = retry_after_s
        self.usage = usage


class AgentMissing(ResearcherError):
    """The agent's program is not installed or not on PATH."""

    kind = "missing"


class AgentMisconfigured(ResearcherError):
    """The agent's settings in the study file cannot work."""

    kind = "misconfigured"


class AuthenticationFailed(ResearcherError):
    """The model's endpoint refused the key, or there was none."""

    kind = "authentication"


class QuotaExhausted(ResearcherError):
    """The account has no credit left."""

    kind = "quota"


class RequestRejected(ResearcherError):
    """The endpoint refused the request itself; sending it again cannot help."""

    kind = "rejected"


class RateLimited(ResearcherError):
    """The endpoint asked to slow down."""

    kind = "rate_limited"
    retryable = True


class ServerFailed(ResearcherError):
    """The endpoint failed or could not be reached."""

    kind = "server"
    retryable = True


class StreamCut(ResearcherError):
    """The model's answer broke off."""

    kind = "stream_cut"
    retryable = True


class AgentHung(ResearcherError):
    """The agent was silent for longer than its limit and was killed."""

    kind = "hung"
    retryable = True


class AgentTimedOut(ResearcherError):
    """The agent used up its time and was killed."""

    kind = "timed_out"


class AgentCrashed(ResearcherError):
    """The agent's program ended with an error."""

    kind = "crashed"
    retryable = True


class NoChange(ResearcherError):
    """The agent ended well and left every file as it was."""

    kind = "no_change"


class NothingLeft(ResearcherError):
    """Every point of the search space has been tried."""

    kind = "nothing_left"
