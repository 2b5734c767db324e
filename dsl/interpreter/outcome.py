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
class Fired:
    """A rule that alerts; `partial` if it fired without being definite."""

    rule: str
    partial: bool


@frozen
class Outcome:
    """What a policy makes of an event.

    Args:
        alerts: rules that alert, in source order at each stage, the earlier stage first.
        deny: error that the operation fails with, or "".
        kill: processes that are ended: "proc", "proc.parent".
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
