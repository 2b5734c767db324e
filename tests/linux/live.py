"""One policy on the running kernel: compile it, activate it, provoke events, collect alerts."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from attrs import evolve

from bpfc.artifact.alert import Alert
from bpfc.artifact.container import Artifact
from bpfc.runtime.platform import Capability
from bpfc.runtime.reports import Activation, RuleStatistics
from bpfc.runtime.sensor import Sensor
from compiler.driver import compile_sources
from runtime_linux import capabilities
from runtime_linux.maps import Map
from runtime_linux.platform import LinuxPlatform

FILE = "test.det"
HEADER = 'policy "test" version "1.0.0" language 1'


def compiled(rules: str, header: str = HEADER) -> Artifact:
    """Compile rules; the header is line 1 of the file.

    Args:
        rules: everything behind the policy's header.
        header: the policy's header.

    Returns:
        The artifact.
    """
    result = compile_sources([(FILE, f"{header}\n{rules}\n")])
    assert result.artifact is not None, "\n".join(map(str, result.diagnostics))
    return result.artifact


def without(name: str) -> tuple[Capability, ...]:
    """This machine's capabilities, one of them taken away."""
    return tuple(
        evolve(c, available=False, detail="taken away by a test") if c.name == name else c
        for c in capabilities.probe()
    )


class Live:
    """A sensor and what it reports.

    Args:
        sensor: the sensor; the caller closes it.
        platform: its platform.
    """

    def __init__(self, sensor: Sensor, platform: LinuxPlatform) -> None:
        self.sensor, self.platform = sensor, platform

    def use(self, rules: str, header: str = HEADER) -> Activation:
        """Compile and activate."""
        return self.sensor.activate(compiled(rules, header))

    def drain(self) -> None:
        """Forget the alerts so far."""
        self.sensor.poll(0)

    def alerts(self, *pids: int) -> list[Alert]:
        """The alerts so far, of some processes or of all.

        A record is in the ring before the system call that caused it returns, and before a process
        that ended can be waited for: there is nothing to wait for here.
        """
        found = self.sensor.poll(0)
        return [a for a in found if not pids or a.fields["proc.pid"] in pids]

    def during(self, action: Callable[[], int]) -> list[Alert]:
        """The alerts on the process that an action starts, waits for and returns the id of."""
        self.drain()
        return self.alerts(action())

    def statistics(self, rule: str) -> RuleStatistics:
        """Counts of a rule."""
        return next(one for one in self.sensor.statistics().rules if one.rule == rule)

    def counter(self, name: str) -> int:
        """A counter of the kernel side."""
        return self.sensor.statistics().counters[name]

    def table(self, name: str) -> Map:
        """A map that outlives policies."""
        return self.platform._shared[name]


@contextmanager
def open_sensor(probed: Iterable[Capability] | None = None) -> Iterator[Live]:
    """A sensor of its own, closed at the end."""
    platform = LinuxPlatform(None if probed is None else tuple(probed))
    with Sensor(platform) as sensor:
        yield Live(sensor, platform)


@contextmanager
def active(
    rules: str, header: str = HEADER, probed: Iterable[Capability] | None = None
) -> Iterator[Live]:
    """A sensor on which a policy is active."""
    with open_sensor(probed) as live:
        live.use(rules, header)
        yield live


def names(alerts: Iterable[Alert]) -> set[str]:
    """The rules that fired."""
    return {alert.rule.name for alert in alerts}


def only(alerts: list[Alert], rule: str) -> Alert:
    """The one alert of a rule."""
    found = [alert for alert in alerts if alert.rule.name == rule]
    assert len(found) == 1, f"{len(found)} alerts of {rule}: {alerts}"
    return found[0]
