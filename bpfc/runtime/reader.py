"""From records to alerts, across policies: each record is read by its generation's manifest."""

import platform as host
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from bpfc.artifact.alert import Alert, AlertContext, Alerter
from bpfc.artifact.confirming import StageCounts
from bpfc.artifact.container import Artifact
from bpfc.artifact.decode import Decoder, Record
from bpfc.artifact.errors import RecordError
from bpfc.artifact.record import ACT_KILL_AGENT, ACT_KILL_PARENT, HEADER, HEADER_SIZE
from bpfc.runtime.errors import SensorError
from bpfc.runtime.platform import Boot, KillResult, Platform
from bpfc.userspace.users import user_name

if TYPE_CHECKING:
    from bpfc.userspace.fields import Sources

KILLS_KEPT = 256
_GENERATION = HEADER["generation"]


@frozen
class _Generation:
    """What is needed to read the records of one policy."""

    decoder: Decoder
    alerter: Alerter
    context: AlertContext


def check_sources(artifact: Artifact) -> None:
    """Refuse a policy that asks the agent for something it does not know.

    Args:
        artifact: the policy.

    Raises:
        SensorError: BPFC0741.
    """
    if not _asks(artifact):
        return
    from bpfc.userspace.fields import KNOWN  # takes its time, and few policies need it

    for rule in artifact.manifest.rules:
        for wanted in rule.agent:
            known = KNOWN.get(wanted.source)
            if known is None or known.arity != len(wanted.needs):
                raise SensorError(
                    "BPFC0741",
                    f"rule {rule.name} asks for {wanted.name}, which this agent cannot find out",
                    "update bpfc on this host, or compile with the version that runs the rules",
                )


def _asks(artifact: Artifact) -> bool:
    """Whether a policy wants anything of the agent."""
    return any(rule.agent for rule in artifact.manifest.rules)


@define
class AlertReader:
    """Decodes records and does the kills that are the agent's.

    Args:
        platform: whose records these are.
        records, alerts, malformed: counts.
        killed, refused: counts of kills.
        kills: the latest kills.
    """

    platform: Platform
    records: int = field(init=False, default=0)
    alerts: int = field(init=False, default=0)
    malformed: int = field(init=False, default=0)
    killed: int = field(init=False, default=0)
    refused: int = field(init=False, default=0)
    kills: deque[KillResult] = field(init=False, factory=lambda: deque(maxlen=KILLS_KEPT))
    _generations: dict[int, _Generation] = field(init=False, factory=dict)
    _sources: "Sources | None" = field(init=False, default=None)
    _draining: list[tuple[int, int]] = field(init=False, factory=list)
    # Programs of processes that were killed since the read began.
    _ended: dict[tuple[int, int], str | None] = field(init=False, factory=dict)

    def add(self, generation: int, artifact: Artifact, boot: Boot) -> None:
        """Learn to read a policy's records, before it writes any.

        Args:
            generation: its number.
            artifact: where it came from; what it asks the agent for is known (`check_sources`).
            boot: of the machine.
        """
        manifest = artifact.manifest
        if self._sources is None and _asks(artifact):
            from bpfc.userspace.fields import Sources

            self._sources = Sources(
                self.platform.name,
                opener=self.platform.open_program,
                cgroups=self.platform.cgroups,
            )
        context = AlertContext(
            host=host.node(),
            boot_id=boot.id,
            boot_time_ns=boot.time_ns,
            artifact=artifact.digest,
            platform=self.platform.name,
            users=user_name,
            ask=None if self._sources is None else self._sources.value,
        )
        decoder = Decoder(manifest.layouts, self.platform.name)
        self._generations[generation] = _Generation(decoder, Alerter(manifest, context), context)
        self._draining = [one for one in self._draining if one[1] != generation]

    def context(self, generation: int) -> AlertContext | None:
        """What alerts of a policy say that is not in its manifest."""
        known = self._generations.get(generation)
        return None if known is None else known.context

    def stages(self, generation: int) -> Mapping[str, StageCounts]:
        """What became of the candidates of a policy's second stages, by rule."""
        known = self._generations.get(generation)
        return {} if known is None else known.alerter.stages

    @property
    def lookups(self) -> dict[str, int]:
        """What became of the agent's questions, by what is counted."""
        return {} if self._sources is None else self._sources.counts.by_name()

    def drop(self, generation: int) -> None:
        """Forget a policy that never was active."""
        self._generations.pop(generation, None)

    def drop_when_drained(self, generation: int) -> None:
        """Forget a policy that writes no more, once what it wrote was read."""
        self._draining.append((self.platform.produced(), generation))

    def read(self, timeout: float | None) -> list[Alert]:
        """The alerts of all records there are.

        Args:
            timeout: seconds to wait for one, None without limit.

        Returns:
            Alerts, oldest first.
        """
        raw = self.platform.read(timeout)
        if self._sources is not None:
            self._sources.begin()
        self.records += len(raw)
        decoded = [one for one in map(self._decode, raw) if one is not None]
        # Kills do not wait until somebody has looked at the alerts before.
        for generation, record in decoded:
            if record.header.actions & (ACT_KILL_AGENT | ACT_KILL_PARENT):
                self._kill(record)
            for what, pid, start in generation.alerter.condemned(record):
                if isinstance(pid, int) and isinstance(start, int):
                    self._ended[pid, start] = self.platform.program(pid, start)
                self._kill_process(record, what, pid, start)
        alerts: list[Alert] = []
        for generation, record in decoded:
            if self._sources is not None:
                self._sources.happened(record.header.time_ns)
            try:
                alerts.extend(generation.alerter.alerts(record, self._program))
            except RecordError:
                self.malformed += 1
        self.alerts += len(alerts)
        self._ended.clear()
        self._forget_drained()
        return alerts

    def raw(self, timeout: float | None) -> list[bytes]:
        """All records there are, as they are.

        Args:
            timeout: seconds to wait for one, None without limit.

        Returns:
            Records, oldest first.
        """
        found = self.platform.read(timeout)
        self.records += len(found)
        self._forget_drained()
        return found

    def _decode(self, raw: bytes) -> tuple[_Generation, Record] | None:
        at = _GENERATION.offset
        number = int.from_bytes(raw[at : at + _GENERATION.size], "little")
        generation = self._generations.get(number)
        try:
            if len(raw) < HEADER_SIZE or generation is None:
                raise RecordError(f"a record of generation {number}, which is not known")
            return generation, generation.decoder.decode(raw)
        except RecordError:
            self.malformed += 1
            return None

    def _program(self, pid: int, start: int) -> str | None:
        """What a process runs, or ran when it was killed."""
        if (pid, start) in self._ended:
            return self._ended[pid, start]
        return self.platform.program(pid, start)

    def _kill(self, record: Record) -> None:
        values = record.values()
        wanted: Sequence[tuple[int, str, str]] = (
            (ACT_KILL_AGENT, "proc.pid", "proc.start_time"),
            # A parent's start is in no record; that it began before the event is checked instead.
            (ACT_KILL_PARENT, "proc.ppid", ""),
        )
        for action, pid_field, start_field in wanted:
            if not record.header.actions & action:
                continue
            self._kill_process(record, pid_field, values.get(pid_field), values.get(start_field))

    def _kill_process(self, record: Record, what: str, pid: object, start: object) -> None:
        if isinstance(pid, int):
            known = start if isinstance(start, int) else None
            result = self.platform.kill(pid, known, record.header.time_ns)
        else:
            result = KillResult(0, False, f"{what} is not known")
        self.kills.append(result)
        self.killed += result.done
        self.refused += not result.done

    def _forget_drained(self) -> None:
        position = self.platform.consumed()
        for place, generation in self._draining:
            if place <= position:
                self._generations.pop(generation, None)
        self._draining = [one for one in self._draining if one[0] > position]
