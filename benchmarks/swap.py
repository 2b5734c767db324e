"""Events missed or judged twice while policies are swapped, counted in the kernel.

Two generations of a policy are loaded side by side and made active in turns while a child process
produces events. Each event has a number of its own, and the adapters count in a map of the kernel
how often they judged which number (the compiler's option `journal`). The numbers that were produced
must all have been judged exactly once.
"""

import argparse
import statistics
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from benchmarks import journal, machine, storm
from benchmarks.report import Failed, Result
from bpfc.artifact.container import Artifact
from bpfc.artifact.record import RULE_STATS
from compiler.driver import compile_sources
from compiler.targets.common.maps import JOURNAL_MAP
from runtime_linux.loaded import LinuxLoaded
from runtime_linux.platform import LinuxPlatform

RULES = Path(__file__).parent / "rules"
NEVER = {"network": "192.0.2.0/24", "program": "no-such-program"}  # RFC 5737: nobody has it
COUNTED, MIXED = "counted", ("mixed_numbers", "mixed_texts")  # rules
ZERO = ("no_policy", "empty_slot", "no_scratch", "latch_full", "internal")
PACED_FLIPS_A_SECOND = 100
# Share of the process ids that a phase may use up: none must come again before the journal is read.
IDS_SHARE = 0.25
GROUP = 1000  # flips without pause that are timed together
START_S = 10.0


@frozen
class Count:
    """One phase.

    Args:
        flips: how many.
        pause: seconds between two flips, 0 for none.
        rate: events a second, None for as many as the machine makes.
    """

    flips: int
    pause: float
    rate: float | None


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the benchmark's options."""
    parser.add_argument("--hook", choices=("connect", "exec"), default="connect")
    parser.add_argument("--content", action="store_true", help="flip contents, not policies")
    parser.add_argument("--flips", type=int, default=1000, help="paced flips")
    parser.add_argument("--rate", type=float, default=50_000, help="connects a second meanwhile")
    parser.add_argument("--unpaced-flips", type=int, default=1_000_000, help="flips without pause")


def run(options: argparse.Namespace) -> Result:
    """Run both phases.

    Args:
        options: of the command line.

    Returns:
        Figures by name; "defects" lists what must not be.

    Raises:
        Failed: this machine cannot run it.
    """
    machine.need_root()
    phases = {
        "paced": Count(options.flips, 1 / PACED_FLIPS_A_SECOND, options.rate),
        "unpaced": Count(options.unpaced_flips, 0, None),
    }
    source = _Connects(options.content) if options.hook == "connect" else _Execs()
    with machine.alone(), _two_generations(source, options.content) as (platform, generations):
        # Other programs' events before the first policy was active are not this run's.
        before = platform.counters()
        details = {
            name: _phase(platform, generations, source, count) for name, count in phases.items()
        }
        strange = source.strange(journal.read(generations[0].map(JOURNAL_MAP)))
        counters = {name: n - before[name] for name, n in platform.counters().items()}
    return _summary(options.hook, details, {**counters, "strange": strange})


def _summary(hook: str, details: dict[str, Result], counters: dict[str, int]) -> Result:
    both = list(details.values())
    must_be_zero = (*ZERO, "strange")
    defects = [f"{name}: {counters[name]}" for name in must_be_zero if counters[name]]
    for name, detail in details.items():
        defects += [f"{name} {key}: {detail[key]}" for key in _MUST_BE_ZERO if detail[key]]
    return {
        "hook": hook,
        "missed": sum(d["missed"] for d in both),
        "twice": sum(d["twice"] for d in both),
        "events_per_s": details["paced"]["events_per_s"],
        "flip_us": details["unpaced"]["flip_us"],
        **details,
        "counters": {name: counters[name] for name in ("events", *must_be_zero)},
        "defects": defects,
    }


_MUST_BE_ZERO = (
    "missed",
    "twice",
    "failed",
    "judged_otherwise",
    "mixed",
    "flips_without_events",
)


# ---------------------------------------------------------------------- sources of events


class _Connects:
    """Connections to the addresses of storm.NETWORK, one after the other."""

    fires = "denied"  # of RULE_STATS
    size = storm.NETWORK_SIZE

    def __init__(self, content: bool) -> None:
        self.policy = "swap_content.det" if content else "swap_connect.det"
        always = {"network": storm.NETWORK, "program": Path("/proc/self/exe").resolve().name}
        never = dict(NEVER)
        # Of the rules that tell a mixture each has one half that holds by either content.
        pairs = {"quiet": (always, never), "firing": (never, always)}
        self.quiet, self.firing = (
            {"network": own["network"]}
            | {f"{name}_{key}": found[at][key] for name, found in pairs.items() for key in own}
            for at, own in enumerate((never, always))
        )
        self._next = 0

    @contextmanager
    def started(self, count: Count) -> Iterator[storm.Tally]:
        tally = storm.Tally()
        left = self.size - self._next
        with storm.running(storm.connects, tally, self._next, left, count.rate):
            yield tally

    def happened(self, tally: storm.Tally) -> range:
        first, self._next = self._next, self._next + tally["sent"]
        return range(first, self._next)

    def fired(self, tally: storm.Tally) -> int | None:
        return tally["denied"]

    def strange(self, counts: "array[int]") -> int:
        return journal.strange(counts, self._next)


class _Execs:
    """Starts of a small static program; the number of an event is the process id."""

    policy = "swap_exec.det"
    fires = "fired"

    def __init__(self) -> None:
        self.program = machine.need_program("busybox", "busybox-static")
        self.quiet, self.firing = NEVER, {"program": Path(self.program).name}
        self.size = int(machine.PID_MAX.read_text())

    @contextmanager
    def started(self, count: Count) -> Iterator[storm.Tally]:
        limit = int(self.size * IDS_SHARE)
        tally = storm.Tally(limit)
        with storm.running(storm.execs, tally, self.program, limit):
            yield tally

    def happened(self, tally: storm.Tally) -> list[int]:
        return tally.identities()

    def fired(self, tally: storm.Tally) -> int | None:
        return None  # nothing in user space tells which generation judged

    def strange(self, counts: "array[int]") -> int:
        return 0  # whatever else starts on this machine is in the journal too


_Source = _Connects | _Execs


# ---------------------------------------------------------------------- the two generations


def _artifact(source: _Source, values: dict[str, str], name: str) -> Artifact:
    text = (RULES / source.policy).read_text()
    for key, value in values.items():
        text = text.replace("{" + key + "}", value)
    text = text.replace("{name}", name)
    compiled = compile_sources([(source.policy, text)], journal=source.size)
    if compiled.artifact is None:
        raise Failed("\n".join(d.message for d in compiled.diagnostics))
    return compiled.artifact


@contextmanager
def _two_generations(
    source: _Source,
    content: bool,
) -> Iterator[tuple[LinuxPlatform, tuple[LinuxLoaded, LinuxLoaded]]]:
    """The policy twice, loaded twice or as two contents of one: the first generation fires on no
    event, the second on all."""
    quiet = _artifact(source, source.quiet, "quiet")
    firing = _artifact(source, source.firing, "firing")
    platform = LinuxPlatform()
    try:
        first = platform.load(quiet)
        platform.activate(first)
        second = platform.revise(firing) if content else platform.load(firing)
        if second is None:
            raise Failed("the two policies differ by more than content")
        yield platform, (first, second)
    finally:
        platform.close()


# ---------------------------------------------------------------------- one phase


def _phase(
    platform: LinuxPlatform,
    generations: tuple[LinuxLoaded, LinuxLoaded],
    source: _Source,
    count: Count,
) -> Result:
    table = generations[0].map(JOURNAL_MAP)
    before = _fired(platform, generations[1], source)
    with source.started(count) as tally:
        _wait_for_events(tally)
        begun, sent = time.perf_counter(), tally["sent"]
        flips = _flips(lambda number: platform.switch_to(generations[number & 1]), tally, count)
        seconds, made = time.perf_counter() - begun, tally["sent"] - sent
    counts = journal.read(table)
    numbers = source.happened(tally)
    verdicts = journal.judge(counts, numbers)
    fired = _fired(platform, generations[1], source) - before
    told = source.fired(tally)
    return {
        "events": tally["sent"],
        "events_per_s": made / seconds,
        "once": verdicts.once,
        "missed": verdicts.missed,
        "twice": verdicts.twice,
        "failed": tally["failed"],
        "judged_by_second": fired,
        "judged_otherwise": 0 if told is None else abs(told - fired),
        "mixed": sum(_mixed(platform, generation) for generation in generations),
        **flips,
        "seconds": seconds,
    }


def _fired(platform: LinuxPlatform, generation: LinuxLoaded, source: _Source) -> int:
    return _counts(platform, generation)[COUNTED][RULE_STATS.index(source.fires)]


def _mixed(platform: LinuxPlatform, generation: LinuxLoaded) -> int:
    """Events that were judged partly by one content and partly by the other."""
    counts, fired = _counts(platform, generation), RULE_STATS.index("fired")
    return sum(counts[name][fired] for name in MIXED if name in counts)


def _counts(platform: LinuxPlatform, generation: LinuxLoaded) -> dict[str, tuple[int, ...]]:
    rules = (rule.name for rule in generation.manifest.rules)
    return dict(zip(rules, platform.rule_stats(generation), strict=True))


def _wait_for_events(tally: storm.Tally) -> None:
    end = time.monotonic() + START_S
    while not tally["sent"]:
        if time.monotonic() > end:
            raise Failed("no event was produced within ten seconds")
        time.sleep(0.001)


def _flips(flip: Callable[[int], None], tally: storm.Tally, count: Count) -> dict[str, Any]:
    """Flip as often as wanted; the last flip is still under events."""
    begun, took = time.perf_counter(), []
    group = 1 if count.pause else GROUP
    for first in range(0, count.flips, group):
        if count.pause:
            time.sleep(max(0.0, begun + first * count.pause - time.perf_counter()))
        start = time.perf_counter()
        for number in range(first, min(first + group, count.flips)):
            flip(number)
        took.append((time.perf_counter() - start) / group)
    sent, end = tally["sent"], time.monotonic() + 1
    while tally["sent"] == sent and time.monotonic() < end:
        time.sleep(0.001)
    return {
        "flips": count.flips,
        "flip_us": statistics.median(took) * 1e6,
        "flip_us_worst": max(took) * 1e6,
        "flips_without_events": int(tally["sent"] == sent),
    }
