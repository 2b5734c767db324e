"""Records this machine's events: a sensor on which a recording policy is active, and a writer."""

import platform as host
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import define, field, frozen

from bpfc.artifact.codec import CATALOGUE_VERSION
from bpfc.artifact.container import Artifact
from bpfc.artifact.decode import Decoder
from bpfc.artifact.errors import RecordError
from bpfc.artifact.manifest import Manifest
from bpfc.artifact.record import ACT_ALERT, ACT_JUDGE
from bpfc.artifact.recording import LIFE, RULE_PREFIX
from bpfc.recording.counts import LOST_COUNTERS, Counts
from bpfc.recording.header import Header
from bpfc.recording.redacting import RecordRedactor
from bpfc.recording.redaction import MARKER, Redactor
from bpfc.recording.running import fork_records
from bpfc.recording.users import UserNames
from bpfc.recording.writer import FLUSH_S, Writer
from bpfc.runtime.sensor import Sensor
from bpfc.version import __version__

FORK = "process.fork"
# Counters that grow without anything being wrong.
_ORDINARY = frozenset({"events", "records", *LOST_COUNTERS})


@frozen
class Progress:
    """How far a recording is.

    Args:
        counts: of events.
        size: bytes in the file.
        seconds: since it began.
    """

    counts: Counts
    size: int
    seconds: float


@frozen
class Limits:
    """When a recording ends by itself.

    Args:
        seconds: after this time, None for never.
        size: once the file has so many bytes, None for never. It can be exceeded by what comes
            within a second.
    """

    seconds: float | None = None
    size: int | None = None


@define
class Recorder:
    """Records events into a file.

    Args:
        sensor: nothing is active on it, and nobody else reads it.
        redactor: what takes secrets out of texts.
        malformed: records that could not be read.
    """

    sensor: Sensor
    redactor: Redactor
    malformed: int = 0
    _before: Mapping[str, int] = field(init=False, factory=dict)

    def record(
        self,
        path: Path,
        policy: Artifact,
        limits: Limits = Limits(),
        replace: bool = False,
        told: Callable[[Progress], bool] = lambda progress: True,
    ) -> Progress:
        """Record until a limit is reached, the sensor is stopped or the caller has enough.

        Args:
            path: of the file.
            policy: a recording policy.
            limits: when to end.
            replace: whether a file that exists may be written over.
            told: told about once a second how far it is; says whether to go on.

        Returns:
            How far it came.

        Raises:
            RecordingError: BPFC0944, there is a file of that name.
            SensorError: the policy cannot be carried here.
            OSError: the file cannot be written.
        """
        decoder = Decoder(policy.manifest.layouts, self.sensor.platform.name)
        with Writer(path, self._header(policy), replace) as writer:
            keep = RecordRedactor(decoder, self.redactor, UserNames(writer.users).note)
            try:
                self.sensor.activate(policy)
            except BaseException:
                writer.discard()
                raise
            self._note_running(writer, policy, keep)
            # What came before the policy was active is not missing.
            self._before = self.sensor.statistics().counters
            begun = time.monotonic()
            while True:
                passed = time.monotonic() - begun
                left = FLUSH_S if limits.seconds is None else limits.seconds - passed
                for raw in self.sensor.records(max(0.0, min(FLUSH_S, left))):
                    try:
                        writer.add(keep(raw))
                    except RecordError:
                        self.malformed += 1
                if writer.due() or left <= 0 or self.sensor.stopped:
                    writer.flush(counts := self._counts(writer.events))
                    progress = Progress(counts, writer.size, time.monotonic() - begun)
                    full = limits.size is not None and writer.size >= limits.size
                    if not told(progress) or full or left <= 0 or self.sensor.stopped:
                        writer.end(counts)
                        return progress

    def _note_running(self, writer: Writer, policy: Artifact, keep: RecordRedactor) -> None:
        """Write down which processes run."""
        layout = next((one for one in policy.manifest.layouts if one.event == FORK), None)
        if layout is not None:
            now = time.time_ns() - self.sensor.platform.boot().time_ns
            running = self.sensor.platform.running()
            writer.running(keep(one) for one in fork_records(layout, running, now))

    def _header(self, policy: Artifact) -> Header:
        boot = self.sensor.platform.boot()
        offered = (one.name for one in self.sensor.capabilities() if one.available)
        return Header(
            bpfc=__version__,
            platform=self.sensor.platform.name,
            host=host.node(),
            kernel=host.release(),
            boot_id=boot.id,
            boot_time_ns=boot.time_ns,
            started_ns=time.time_ns() - boot.time_ns,
            catalogue=CATALOGUE_VERSION,
            artifact=policy.digest,
            capabilities=tuple(sorted(offered)),
            redaction=self.redactor.patterns,
            marker=MARKER,
            layouts=policy.manifest.layouts,
        )

    def _counts(self, events: int) -> Counts:
        found = self.sensor.statistics()
        counters = {n: value - self._before.get(n, 0) for n, value in found.counters.items()}
        lost = {name: counters.get(name, 0) for name in LOST_COUNTERS}
        lost |= {f"hook {hook.hook}": hook.skipped for hook in found.hooks}
        doubtful = {name: value for name, value in counters.items() if name not in _ORDINARY}
        return Counts(events, _above_zero(lost), _above_zero(doubtful), self.malformed)


def only_records(manifest: Manifest) -> bool:
    """Whether a policy does nothing but record, and keeps what a replay needs.

    Args:
        manifest: of the policy.
    """
    actions = 0
    for rule in manifest.rules:
        for at in (*rule.linux, *rule.windows):
            for form in at.forms:
                actions |= form.actions
    recorded = {layout.event for layout in manifest.layouts}
    named = all(rule.name.startswith(RULE_PREFIX) for rule in manifest.rules)
    return named and recorded >= set(LIFE) and not actions & ~(ACT_ALERT | ACT_JUDGE)


def _above_zero(counts: dict[str, int]) -> dict[str, int]:
    return {name: value for name, value in counts.items() if value}
