"""What a sequence's actions and alerts take from earlier steps: numbers, whose process it was."""

from attrs import evolve, frozen

from dsl import typed
from dsl.catalogue import Field
from dsl.conditions import Conditions
from dsl.diagnostics import Collector, shown
from dsl.keys import field_words
from dsl.syntax import Name

# Who did it, as far as the step's event has it; in every run that waits.
WHO = ("proc.pid", "proc.start_time")
CARRIED_MAX = 7  # 64-bit numbers of a step; an address has two


@frozen
class Earlier:
    """The steps of a sequence, as its actions and alerts name them.

    Args:
        sequence: the sequence.
        conditions: of the last step.
        report: takes diagnostics.
    """

    sequence: typed.Sequence
    conditions: Conditions
    report: Collector

    def field(self, name: Name) -> Field | typed.StepField | None:
        """A field of the last step, or of an earlier one.

        Args:
            name: as written, a step's name in front of it or not.

        Returns:
            The field, or None after a diagnostic.
        """
        number, rest = self._split(name)
        if not number:
            return self.conditions.field(name)
        if number == len(self.sequence.steps):
            return self.conditions.field(rest)
        step = self.sequence.steps[number - 1]
        field = evolve(self.conditions, events=(step.event,)).field(rest)
        if field is not None and field.kind.is_text:
            self.report.error(
                "BPFC0495",
                f"`{shown(name.text)}` is a text, and steps remember numbers only",
                name.span,
                remedy=f"show `{step.alias}.proc.pid`, or a number such as `{step.alias}.proc.uid`;"
                " an alert names the program of each step's process where it still runs",
            )
            return None
        return None if field is None else typed.StepField(number, step.alias, field)

    def victim(self, name: Name) -> int:
        """The step whose process `kill` names.

        Args:
            name: as written.

        Returns:
            Number of the step, 0 if it names none's. There may have been a diagnostic.
        """
        number, rest = self._split(name)
        if not number or rest.text not in ("proc", "proc.parent"):
            return 0
        step = self.sequence.steps[number - 1]
        if number < len(self.sequence.steps) and rest.text == "proc.parent":
            self.report.error(
                "BPFC0496",
                f"step `{shown(step.alias)}` does not remember its process's parent",
                name.span,
                remedy=f"`kill {step.alias}.proc` ends the process itself",
            )
        elif step.event.ended and rest.text == "proc":
            self.report.error(
                "BPFC0411",
                f"on {step.event.name} the process has ended: there is nothing to kill",
                name.span,
            )
        elif not step.event.has_process:
            self.report.error(
                "BPFC0347",
                f"{step.event.name} has no process, so there is nothing to kill:"
                f" {step.event.no_process}",
                name.span,
                remedy="kill on an event that is seen where the process runs",
            )
        return number

    def victims(self) -> tuple[str, ...]:
        """What `kill` can name of earlier steps."""
        return tuple(f"{step.alias}.proc" for step in self.sequence.steps[:-1] if step.alias)

    def carrying(self, parts: tuple[typed.Part, ...]) -> typed.Sequence:
        """The sequence, its earlier steps with what they remember.

        Args:
            parts: what the rule's alerts show.
        """
        steps = [self._carrying(n, step, parts) for n, step in enumerate(self.sequence.steps, 1)]
        return evolve(self.sequence, steps=tuple(steps))

    def _carrying(self, number: int, step: typed.Step, parts: tuple[typed.Part, ...]) -> typed.Step:
        if number == len(self.sequence.steps):
            return step
        found = {name: field for name in WHO if (field := step.event.field(name))}
        for part in parts:
            if isinstance(part, typed.StepField) and part.step == number:
                found.setdefault(part.field.name, part.field)
        carried = tuple(found.values())
        count = sum(map(field_words, carried))
        if count > CARRIED_MAX:
            self.report.error(
                "BPFC0497",
                f"step `{shown(step.alias)}` would have to remember"
                f" {count} numbers; {CARRIED_MAX} are possible",
                step.span,
                remedy="show fewer fields of it; process id and start are always remembered, and an"
                " address counts as two",
            )
        return evolve(step, carried=carried)

    def _split(self, name: Name) -> tuple[int, Name]:
        """The number of the step that a name begins with, 0 for none, and the rest of the name."""
        head, _, rest = name.text.partition(".")
        for number, step in enumerate(self.sequence.steps, 1):
            if rest and step.alias and step.alias == head:
                return number, Name(rest, name.span)
        return 0, name
