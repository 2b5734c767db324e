"""What the kernel side had to forget, as alerts: seen by counters that the core keeps anyway."""

import time
from collections.abc import Callable

from attrs import define, field

from bpfc.artifact.alert import Alert, AlertContext
from bpfc.artifact.manifest import Manifest
from bpfc.artifact.own_alerts import eviction
from bpfc.artifact.record import RULE_STATS
from bpfc.runtime.platform import Loaded, Platform

LOOK_S = 1.0  # between two looks, and so between two alerts of a rule
_COUNTER = RULE_STATS.index("evicted")


@define
class Evictions:
    """Looks at the counters of rules that remember something.

    Args:
        platform: where they are.
        clock: seconds, for the time between looks.
    """

    platform: Platform
    clock: Callable[[], float] = time.monotonic
    _known: dict[tuple[int, int], int] = field(init=False, factory=dict)
    _told: int = field(init=False, default=0)
    _next: float = field(init=False, default=0.0)
    _untold: list[Alert] = field(init=False, factory=list)

    def wait(self, loaded: Loaded, left: float | None) -> float | None:
        """How long a reader may wait before it has to look again.

        Args:
            loaded: the active policy.
            left: seconds that it would wait, None without limit.
        """
        if not remembering(loaded.manifest):
            return left
        look = max(self._next - self.clock(), 0.0)
        return look if left is None else min(left, look)

    def due(self, loaded: Loaded, context: AlertContext | None) -> list[Alert]:
        """The alerts that nobody was told yet, if it is time for them.

        Args:
            loaded: the active policy.
            context: of its alerts.
        """
        if self.clock() >= self._next:
            self._next = self.clock() + LOOK_S
            self.look(loaded, context)
        found, self._untold = self._untold, []
        return found

    def look(self, loaded: Loaded, context: AlertContext | None) -> None:
        """Find what a policy had to forget since the last look: an alert for each rule. Arguments
        as for `due`."""
        rules = remembering(loaded.manifest)
        if not rules or context is None:
            return
        for rule, counts in zip(rules, self.platform.rule_stats(loaded, rules), strict=True):
            place = loaded.generation, rule
            keys = counts[_COUNTER] - self._known.get(place, 0)
            if keys > 0:
                self._known[place] = counts[_COUNTER]
                self._told += 1
                now = time.time_ns() - context.boot_time_ns
                stamp = loaded.generation, self._told
                self._untold.append(eviction(loaded.manifest, context, rule, keys, now, stamp))


def remembering(manifest: Manifest) -> tuple[int, ...]:
    """Indices of the rules that keep anything in the table of all state."""
    return tuple(index for index, rule in enumerate(manifest.rules) if rule.remembers)
