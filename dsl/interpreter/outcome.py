"""What goes into the interpreter and what comes out of it."""

from attrs import evolve, frozen

from dsl.semantics import Record


@frozen
class Event:
    """Something that happened.

    Args:
        name: of the event in the catalogue.
        time: nanoseconds since boot; the only clock there is.
        fields: all it brought, as `dsl.semantics.evaluate` takes them; which of them are known
            before the decision follows from the catalogue.
    """

    name: str
    time: int
    fields: Record


@frozen
class Seen:
    """What an earlier step of a sequence saw.

    Args:
        time: of its event.
        values: what it remembers, by the name of the field.
    """

    time: int
    values: Record


@frozen
class Fired:
    """A rule that alerts.

    Args:
        rule: its name.
        partial: whether it fired without being definite.
        steps: of a sequence, what its earlier steps saw.
    """

    rule: str
    partial: bool
    steps: tuple[Seen, ...] = ()


@frozen
class Outcome:
    """What a policy makes of an event.

    Args:
        alerts: rules that alert, in source order at each stage, the earlier stage first.
        deny: error that the operation fails with, or "".
        kill: processes that are ended: "proc", "proc.parent"; of a step w of a sequence "w.proc"
            with its id, or "unknown".
        would_deny: error that audited rules would have denied with, or "".
        would_kill: whether an audited rule would have ended a process.
        undecided: rules that were possible but did not fire.
    """

    alerts: tuple[Fired, ...] = ()
    deny: str = ""
    kill: frozenset[str] = frozenset()
    would_deny: str = ""
    would_kill: bool = False
    undecided: tuple[str, ...] = ()

    def then(self, later: "Outcome") -> "Outcome":
        """This outcome together with one that came later: of two errors the first counts."""
        return evolve(
            self,
            alerts=self.alerts + later.alerts,
            deny=self.deny or later.deny,
            kill=self.kill | later.kill,
            would_deny=self.would_deny or later.would_deny,
            would_kill=self.would_kill or later.would_kill,
            undecided=self.undecided + later.undecided,
        )
