"""How long a batch of records may wait for slow sources."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from attrs import define, field

from bpfc.userspace.reasons import Reason, Unknown


@define
class Budget:
    """Time that is used up until `begin`.

    Args:
        seconds: how much there is.
        clock: seconds from any point, never going back.
    """

    seconds: float
    clock: Callable[[], float] = field(factory=lambda: monotonic)
    _spent: float = field(default=0.0, init=False)
    _since: float | None = field(default=None, init=False)

    def begin(self) -> None:
        """Have all the time again."""
        self._spent = 0.0

    def left(self) -> float:
        """Seconds that are left, at most 0 if none are."""
        running = 0.0 if self._since is None else self.clock() - self._since
        return self.seconds - self._spent - running

    def check(self) -> None:
        """Raise `Unknown` if no time is left."""
        if self.left() <= 0:
            raise Unknown(Reason.BUDGET)

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Charge what is done inside; raises `Unknown` if there is no time to begin with."""
        self.check()
        self._since = started = self.clock()
        try:
            yield
        finally:
            self._since = None
            self._spent += self.clock() - started
