"""How many values were asked for, and what became of them."""

from attrs import define, field, frozen

from bpfc.userspace.budget import Budget
from bpfc.userspace.reasons import Reason


@define
class Counts:
    """Numbers for statistics.

    Args:
        looked_up: values that were asked for.
        from_cache: of these, those that nothing had to be read for.
        absent: of these, those that are known not to exist.
        unknown: of these, those that could not be found out, by reason; every reason is there.
    """

    looked_up: int = 0
    from_cache: int = 0
    absent: int = 0
    unknown: dict[str, int] = field(factory=lambda: {reason.value: 0 for reason in Reason})

    def by_name(self) -> dict[str, int]:
        """All that are not 0, by what they count."""
        named = {"looked up": self.looked_up, "from cache": self.from_cache, "absent": self.absent}
        named |= {f"unknown: {reason}": number for reason, number in self.unknown.items()}
        return {name: number for name, number in named.items() if number}


@frozen
class Work:
    """What looking things up is charged to.

    Args:
        counts: how many values were asked for.
        finding: time for finding out what to read.
        reading: time for reading files and for asking others.
    """

    counts: Counts
    finding: Budget
    reading: Budget
