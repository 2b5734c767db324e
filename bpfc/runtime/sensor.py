"""The sensor: activate an artifact, read its alerts, swap it for another, leave nothing behind."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from attrs import evolve, frozen

from bpfc.artifact.alert import Alert
from bpfc.artifact.confirming import StageCounts
from bpfc.artifact.container import Artifact, load_artifact, open_artifact
from bpfc.runtime.errors import SensorError
from bpfc.runtime.evictions import Evictions
from bpfc.runtime.platform import (
    Capability,
    KillResult,
    Loaded,
    Platform,
    ProgramReport,
    find_platform,
)
from bpfc.runtime.reader import AlertReader, check_sources
from bpfc.runtime.reports import Activation, RuleReport, RuleStatistics, Statistics
from bpfc.runtime.sensor_sets import SensorSets, carried
from bpfc.runtime.sets import Value

READER_WAIT_S = 5.0  # a reader that was woken needs milliseconds
Taken = TypeVar("Taken")
Source = str | Path | bytes | Artifact


@frozen(eq=False)
class _Active:
    """The active policy and where it came from."""

    loaded: Loaded
    artifact: Artifact


class Sensor:
    """Carries policies on this machine while it is open.

    A context manager: on leaving, also by an exception or Ctrl-C, everything is detached and
    unloaded. Signal handlers call `stop`, nothing else.

    Args:
        platform: the platform; by default the one installed for this system.

    Raises:
        SensorError: BPFC0714, there is no platform.
    """

    def __init__(self, platform: Platform | None = None) -> None:
        self.platform = find_platform() if platform is None else platform
        self._reader = AlertReader(self.platform)
        self._active: _Active | None = None
        self._previous: _Active | None = None  # content that `rollback` goes back to
        self._sets = SensorSets(self.platform, self._loaded)
        self._evictions = Evictions(self.platform)
        self._reading = threading.Lock()
        self._changing = threading.Lock()
        self._stopped = False
        self._closed = False

    def _loaded(self) -> Loaded | None:
        return None if self._active is None else self._active.loaded

    def __enter__(self) -> "Sensor":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def kills(self) -> tuple[KillResult, ...]:
        """What became of the latest kills that the agent does, oldest first."""
        return tuple(self._reader.kills)

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def capabilities(self) -> tuple[Capability, ...]:
        """What this machine offers."""
        return self.platform.capabilities()

    def verify(self, source: Source) -> tuple[ProgramReport, ...]:
        """Have the system's verifier check an artifact, without attaching anything.

        Args:
            source: path, bytes or artifact.

        Returns:
            A report on each program that this machine can load.

        Raises:
            ArtifactError: the artifact cannot be read.
            SensorError: a program was refused.
        """
        return self.platform.verify(_artifact(source))

    @property
    def sets(self) -> SensorSets:
        """The run-time sets of the active policy, by name."""
        return self._sets

    def activate(
        self, source: Source, sets: Mapping[str, Iterable[Value]] | None = None
    ) -> Activation:
        """Make a policy the active one, in place of the one before if there is one.

        There is no moment without a policy: the new one is loaded beside the old one, one write
        makes it the active one, and the old one is unloaded once nothing runs in it any more. One
        that differs from the old one by content only (same `Artifact.structure`) is written into
        the idle buffer of the loaded programs instead; `rollback` can then undo it.

        Args:
            source: path, bytes or artifact.
            sets: elements of run-time sets by name: all that these hold once the policy is active.
                A set that is carried over from the policy before changes shortly before that.

        Returns:
            What was done, rule by rule.

        Raises:
            ArtifactError: the artifact cannot be read.
            SensorError: it cannot be carried here; the policy before stays active.
        """
        artifact, begun = _artifact(source), time.monotonic()
        check_sources(artifact)
        with self._changing:
            self._check_open()
            loaded = self._revised(artifact)
            content_only = loaded is not None
            if loaded is None:
                loaded = self.platform.load(artifact)
            self._fill(loaded, sets or {})
            before = self._replace(_Active(loaded, artifact))
            self._previous = before if content_only else None
            return _activation(loaded, artifact, before, content_only, time.monotonic() - begun)

    def rollback(self) -> Activation:
        """Undo the latest activation, if it changed content only.

        The old content is still there, so this is a flip. Doing it twice is going forward again.

        Returns:
            What is active now.

        Raises:
            SensorError: BPFC0717, the sensor is closed; BPFC0730, there is nothing to go back to.
        """
        begun = time.monotonic()
        with self._changing:
            self._check_open()
            target = self._previous
            if target is None:
                raise SensorError(
                    "BPFC0730",
                    "there is no content to go back to",
                    "activate the artifact that you want; only the latest activation can be "
                    "undone, and only if it changed content only",
                )
            self._previous = self._replace(target)
            loaded, artifact = target.loaded, target.artifact
            seconds = time.monotonic() - begun
            return _activation(loaded, artifact, self._previous, True, seconds)

    def _fill(self, loaded: Loaded, sets: Mapping[str, Iterable[Value]]) -> None:
        """Put elements into sets of a policy that is about to be active."""
        try:
            for name, values in sets.items():
                self._sets.of(loaded, name).replace(values)
        except BaseException:
            self.platform.retire(loaded)
            raise

    def _revised(self, artifact: Artifact) -> Loaded | None:
        """The artifact as new content of the active policy, if it is that."""
        active, half = self._active, self.platform.name
        if active is None or active.artifact.structure(half) != artifact.structure(half):
            return None
        self._previous = None  # its buffer is written over
        return self.platform.revise(artifact)

    def _replace(self, new: _Active) -> _Active | None:
        """Make a loaded policy the active one; returns the one before, in which nothing runs any
        more."""
        self._reader.add(new.loaded.generation, new.artifact, self.platform.boot())
        try:
            self.platform.activate(new.loaded)
        except BaseException:
            self.platform.retire(new.loaded)
            self._reader.drop(new.loaded.generation)
            raise
        before, self._active = self._active, new
        if before is not None:
            # What it had to forget since the last look would be told by nobody.
            context = self._reader.context(before.loaded.generation)
            self._evictions.look(before.loaded, context)
            self.platform.retire(before.loaded)
            self._reader.drop_when_drained(before.loaded.generation)
        return before

    def alerts(self, timeout: float | None = None) -> Iterator[Alert]:
        """Alerts as they come. The agent's kills are done while this is read.

        Args:
            timeout: seconds after which it ends; None: it ends with `stop` or `close` only.

        Yields:
            Alerts, oldest first.

        Raises:
            SensorError: BPFC0717, nothing was activated; BPFC0719, someone else is reading.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while not self._stopped:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                yield from self.poll(0)
                return
            yield from self.poll(left)

    def poll(self, timeout: float | None = 0) -> list[Alert]:
        """The alerts that are there.

        Args:
            timeout: seconds to wait for one, None without limit.

        Returns:
            Alerts, oldest first; empty after the timeout or `stop`.

        Raises:
            SensorError: BPFC0717, nothing was activated; BPFC0719, someone else is reading.
        """
        return self._read(lambda: self._alerts(timeout))

    def records(self, timeout: float | None = 0) -> list[bytes]:
        """The records that are there, as the programs wrote them, in the place of alerts.

        For whoever keeps events rather than alerts: what this returns is in no alert any more, and
        kills that are the agent's are not done.

        Args:
            timeout: seconds to wait for one, None without limit.

        Returns:
            Records, oldest first; empty after the timeout or `stop`.

        Raises:
            SensorError: as `poll`.
        """
        return self._read(lambda: self._reader.raw(timeout))

    def _read(self, take: Callable[[], list[Taken]]) -> list[Taken]:
        """What one reader takes from the ring."""
        if not self._reading.acquire(blocking=False):
            raise SensorError(
                "BPFC0719",
                "the alerts of this sensor are being read already",
                "read them in one place and hand them on from there",
            )
        try:
            self._check_open()
            if self._active is None:
                raise SensorError(
                    "BPFC0717", "no policy is active", "call activate() before reading alerts"
                )
            found = take()
            self._sets.tend()
            return found
        finally:
            self._reading.release()

    def _alerts(self, timeout: float | None) -> list[Alert]:
        """Alerts of records, and of what the active policy had to forget, which is looked for also
        while nothing else comes."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if end is None else max(end - time.monotonic(), 0.0)
            loaded = self._loaded()
            wait = left if loaded is None else self._evictions.wait(loaded, left)
            alerts = self._reader.read(wait) + self._forgotten()
            if alerts or wait == left or self._stopped:
                return alerts

    def _forgotten(self) -> list[Alert]:
        """What is due to be told of that."""
        # An activation that is under way looks itself.
        if not self._changing.acquire(blocking=False):
            return []
        try:
            active = self._active
            if active is None or self._closed:
                return []
            generation = active.loaded.generation
            found = self._evictions.due(active.loaded, self._reader.context(generation))
        finally:
            self._changing.release()
        self._reader.alerts += len(found)
        return found

    def statistics(self) -> Statistics:
        """Counts so far.

        Raises:
            SensorError: BPFC0713, the system does not say; BPFC0717, the sensor is closed.
        """
        with self._changing:
            self._check_open()
            active, reader = self._active, self._reader
            rules: tuple[RuleStatistics, ...] = ()
            if active is not None:
                counts = self.platform.rule_stats(active.loaded)
                stages = reader.stages(active.loaded.generation)
                names = (rule.name for rule in active.artifact.manifest.rules)
                rules = tuple(
                    _counted(RuleStatistics(name, *numbers), stages.get(name))
                    for name, numbers in zip(names, counts, strict=True)
                )
            return Statistics(
                generation=0 if active is None else active.loaded.generation,
                counters=self.platform.counters(),
                rules=rules,
                hooks=self.platform.hook_runs(),
                records=reader.records,
                alerts=reader.alerts,
                malformed=reader.malformed,
                kills=reader.killed,
                kills_refused=reader.refused,
                lookups=reader.lookups,
            )

    def stop(self) -> None:
        """End `alerts` wherever it waits; may be called from a signal handler or another thread."""
        self._stopped = True
        if not self._closed:
            self.platform.wake()

    def close(self) -> None:
        """Detach and unload everything; a second call does nothing."""
        self.stop()
        with self._changing:
            # A signal handler's exception can strike between taking this lock and the block that
            # gives it back; detaching must not wait for ever on a reader that is gone.
            taken = self._reading.acquire(timeout=READER_WAIT_S)
            try:
                if not self._closed:
                    self._closed = True
                    self._active = self._previous = None
                    self.platform.close()
            finally:
                if taken:
                    self._reading.release()

    def _check_open(self) -> None:
        if self._closed:
            raise SensorError("BPFC0717", "the sensor is closed", "make a new one")


def _counted(rule: RuleStatistics, stage: StageCounts | None) -> RuleStatistics:
    """A rule's counts with those of its second stage, if it has one."""
    if stage is None:
        return rule
    return evolve(rule, confirmed=stage.confirmed, refuted=stage.refuted, undecided=stage.undecided)


def _artifact(source: Source) -> Artifact:
    if isinstance(source, Artifact):
        return source
    return open_artifact(source) if isinstance(source, bytes) else load_artifact(source)


def _activation(
    loaded: Loaded,
    artifact: Artifact,
    before: _Active | None,
    content_only: bool,
    seconds: float,
) -> Activation:
    manifest = artifact.manifest
    rules = tuple(
        RuleReport(
            rule=chosen.rule,
            event=chosen.event,
            stage=chosen.form.stage,
            label=chosen.form.label,
            fallback=chosen.place > 0,
            file=manifest.rules[chosen.index].file,
            line=manifest.rules[chosen.index].line,
        )
        for chosen in loaded.forms
    )
    active_rules = {one.rule for one in rules}
    state = carried(manifest, before.artifact.manifest if before else None)
    return Activation(
        generation=loaded.generation,
        policy=manifest.policy,
        version=manifest.policy_version,
        digest=artifact.digest,
        rules=rules,
        left_out=tuple(rule.name for rule in manifest.rules if rule.name not in active_rules),
        programs=loaded.programs,
        replaced=None if before is None else before.loaded.generation,
        content_only=content_only,
        seconds=seconds,
        carried=state.carried,
        fresh=state.fresh,
        dropped=state.dropped,
    )
