"""What processes run, as recorded events tell: alerts on sequences say it of earlier steps."""

from attrs import define, field

from bpfc.artifact.decode import Record

_MOST = 65_536  # processes; of more the one that was heard of first is forgotten


@define
class Programs:
    """The program of each process that was heard of and has not ended."""

    _known: dict[tuple[int, int], str] = field(factory=dict, init=False)

    def note(self, record: Record) -> None:
        """Learn from an event.

        Args:
            record: of the recording.
        """
        read = record.plan.fields
        if "proc.pid" not in read or "proc.start_time" not in read:
            return
        pid, start = record.value("proc.pid"), record.value("proc.start_time")
        if not isinstance(pid, int) or not isinstance(start, int):
            return
        path = record.value("proc.exe.path") if "proc.exe.path" in read else None
        if record.event == "process.exit":
            self._known.pop((pid, start), None)
        elif isinstance(path, str):
            self._known[pid, start] = path
            if len(self._known) > _MOST:
                del self._known[next(iter(self._known))]

    def of(self, pid: int, start: int) -> str | None:
        """What a process runs.

        Args:
            pid: its id.
            start: when it started, nanoseconds since boot.

        Returns:
            The path of its program, None if it ended or was not heard of.
        """
        return self._known.get((pid, start))
