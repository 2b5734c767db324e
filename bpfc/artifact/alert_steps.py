"""What an alert says of the earlier steps of its rule's sequence."""

from collections.abc import Callable, Mapping

from attrs import frozen

from bpfc.artifact.decode import State, Value, number_type
from bpfc.artifact.forms import Json, iso, json_form
from bpfc.artifact.manifest import RuleInfo, StepInfo
from bpfc.artifact.steps import StepBlock, StepRecord

# The program that a process runs, by its id and the nanosecond of its start; None if not known.
Programs = Callable[[int, int], str | None]


@frozen
class AlertStep:
    """An earlier step of a sequence.

    Args:
        name: its name in the rule, or "".
        event: catalogue name.
        time: as for the alert.
        time_ns: likewise.
        fields: what is remembered of it, by catalogue name: process id and start, and what the
            rule's texts show.
        unknown: of these, what could not be read.
        absent: what is known not to exist.
        program: the program that the process runs by now, None if it has ended or is not known.
    """

    name: str
    event: str
    time: str
    time_ns: int
    fields: Mapping[str, Json]
    unknown: tuple[str, ...]
    absent: tuple[str, ...]
    program: str | None


def step_values(info: StepInfo, seen: StepRecord) -> dict[str, Value | State]:
    """The values of a step by catalogue name."""
    found: dict[str, Value | State] = {}
    for field in info.fields:
        at = field.index
        if at + field.words > len(seen.words) or seen.unknown(at):
            found[field.name] = State.UNKNOWN
        elif seen.absent(at):
            found[field.name] = State.ABSENT
        else:
            found[field.name] = number_type(field)(seen.words, at)
    return found


def named_values(rule: RuleInfo, block: StepBlock) -> dict[str, Value | State]:
    """The values of all steps that have names, as texts of the rule name them."""
    return {
        f"{info.name}.{name}": value
        for info, seen in zip(rule.steps, block.steps, strict=False)
        if info.name
        for name, value in step_values(info, seen).items()
    }


def alert_steps(
    rule: RuleInfo, block: StepBlock, boot_time_ns: int, programs: Programs | None
) -> tuple[AlertStep, ...]:
    """The earlier steps of a sequence that fired.

    Args:
        rule: the rule.
        block: what the record has of them.
        boot_time_ns: wall clock at boot.
        programs: tells what a process runs; None if nobody does.
    """
    found = []
    for info, seen in zip(rule.steps, block.steps, strict=False):
        values = step_values(info, seen)
        who, start = values.get("proc.pid"), values.get("proc.start_time")
        program = None
        if programs and isinstance(who, int) and isinstance(start, int):
            program = programs(who, start)
        found.append(
            AlertStep(
                name=info.name,
                event=info.event,
                time=iso(boot_time_ns + seen.time_ns),
                time_ns=seen.time_ns,
                fields={n: json_form(v) for n, v in values.items() if not isinstance(v, State)},
                unknown=tuple(n for n, v in values.items() if v is State.UNKNOWN),
                absent=tuple(n for n, v in values.items() if v is State.ABSENT),
                program=program,
            )
        )
    return tuple(found)
