"""Why a value could not be found out."""

from enum import Enum

from bpfc.artifact.decode import State, Value


class Reason(Enum):
    """Why a source's answer is unknown; the values are for people and for statistics."""

    NOT_RECORDED = "not recorded"  # the record does not say what to look for
    GONE = "gone"  # neither the process nor its file is there any more
    REPLACED = "replaced"  # there is another file than the one that was recorded
    CHANGED = "changed"  # the file was changed after the event, or while it was read
    TOO_BIG = "too big"
    SPECIAL = "not a regular file"
    UNREADABLE = "unreadable"
    BROKEN = "broken"  # it says that it has a format which it does not keep to
    BUDGET = "budget"  # the time for slow sources was used up
    ELSEWHERE = "not on this system"  # only another system has such a thing
    NO_RUNTIME = "no container runtime"  # none that we can ask runs here
    NOT_KNOWN = "unknown container"  # the runtimes that run here do not know it
    NO_ANSWER = "no answer"  # a container runtime was silent, or said something else
    NO_LIBRARY = "no library"  # pefile is not installed


class Unknown(Exception):
    """Raised where a value cannot be found out.

    Args:
        reason: why.
    """

    def __init__(self, reason: Reason) -> None:
        """Keep the reason."""
        super().__init__(reason.value)
        self.reason = reason


Answer = Value | State | Reason
"""What a source says: a value, ABSENT, or why it is unknown."""
