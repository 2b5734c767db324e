"""What a rule makes of one event, and what may change that: the policy's memory."""

from typing import Protocol

from attrs import frozen

from dsl.interpreter.outcome import Event, Seen
from dsl.semantics import Record
from dsl.typed import Policy, Rule


@frozen
class Judgement:
    """What a rule makes of an event.

    Args:
        rule: the rule.
        fires: whether it fires.
        definite: whether that does not depend on anything undetermined.
        acts: whether it may deny and kill.
        possible: whether it is not excluded.
        alerts: whether firing leaves an alert; a limit or a threshold can hold it back.
        steps: of a sequence that fires, what its earlier steps saw.
    """

    rule: Rule
    fires: bool
    definite: bool
    acts: bool
    possible: bool
    alerts: bool = True
    steps: tuple[Seen, ...] = ()


class Part(Protocol):
    """A piece of what a policy remembers between events, in a module of its own.

    It is made with the policy and sees every event. `parts.PARTS` has all of them.
    """

    def facts(self, event: Event, record: Record) -> Record:
        """What conditions read besides the event's own fields, by the name of the field."""

    def revised(self, policy: Policy) -> None:
        """Go on with a policy that differs by content only: what is remembered stays."""

    def judged(self, judgement: Judgement, event: Event, record: Record) -> Judgement:
        """Remember what is to be remembered of it, and hold back what is to be held back."""
