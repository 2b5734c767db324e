"""Values of the alerts that a test would leave, as `bpfc.artifact.alert` has them."""

from collections.abc import Iterable, Mapping

from attrs import define, evolve

from bpfc.artifact.decode import State, Value
from bpfc.artifact.forms import Json
from bpfc.artifact.manifest import Parts
from bpfc.artifact.wording import Wording, headline
from bpfc_cli.testing.watch import Watched
from dsl import semantics
from dsl.catalogue import Event, Field, Kind, load
from dsl.interpreter import Fired
from dsl.interpreter.interpreter import known_at
from dsl.interpreter.stages import way
from dsl.messages import default_message
from dsl.semantics import FieldValue, Record, Truncated, value_of
from dsl.typed import Part, Rule, StepField
from dsl.walk import shown_parts

_OUTPUT = "output."
_SEVERAL = frozenset({"mitre", "reference", "author", "tag"})


def value_in(name: str, rule: Rule, alert: Fired, watched: Watched) -> Json | None:
    """A value of an alert.

    Args:
        name: a field of the event, "output.NAME", a key of metadata, "message" or "certainty".
        rule: whose alert it is.
        alert: how it fired.
        watched: the event.

    Returns:
        The value; None if it is absent, unknown, or not there.
    """
    if name == "certainty":
        return "partial" if alert.partial else "certain"
    event = load().as_confirmed.event(watched.occurrence.event.name)
    assert event is not None
    record = known_at(watched.record, event, way(rule, event).stage)
    shown = {part.name: part for part in shown_parts(rule) if isinstance(part, StepField)}
    earlier = {n: evolve(part.field, name=n) for n, part in shown.items()}
    for part in shown.values():
        known = alert.steps[part.step - 1].values if alert.steps else {}
        record[part.name] = known.get(part.field.name, semantics.UNKNOWN)
    view = _View(event, record, earlier)
    if name == "message":
        return view.message(rule)
    if name.startswith(_OUTPUT):
        return view.output(rule, name.removeprefix(_OUTPUT))
    field = event.field(name)
    if field is not None:
        return view.json(field)
    values = [value for key, value in rule.metadata if key == name]
    return values if name in _SEVERAL else values[-1] if values else None


@define
class _View:
    """An event as alerts show it.

    Args:
        event: the event.
        record: its values, and those of earlier steps of a sequence that the rule shows.
        earlier: the fields of earlier steps, by their names in the rule.
    """

    event: Event
    record: Record
    earlier: Mapping[str, Field]

    def message(self, rule: Rule) -> str:
        """The rule's own text, or its title with who did what."""
        if rule.alert is not None and rule.alert.template:
            return self.sentence(_parts(rule.alert.template))
        title = next((v for k, v in rule.metadata if k == "title"), rule.name)
        container = self.event.field("container.id")
        values = {container.name: self._value(container)[0]} if container is not None else {}
        return headline(title, self.sentence(default_message(self.event)), values)

    def output(self, rule: Rule, name: str) -> Json | None:
        """A named value."""
        item = next((value for value in rule.output if value.name == name), None)
        if item is None:
            return None
        field = item.parts[0]
        if item.text or isinstance(field, str):
            return self.sentence(_parts(item.parts))
        return self.json(self.earlier[field.name] if isinstance(field, StepField) else field)

    def json(self, field: Field) -> Json | None:
        """A field's value, None without one."""
        value, _ = self._value(field)
        if isinstance(value, State):
            return None
        if isinstance(value, tuple):
            return list(value)
        return value if isinstance(value, bool | int | str) else str(value)

    def sentence(self, parts: Parts) -> str:
        """A text with fields in it."""
        named = {text for kind, text in parts if kind == "field"}
        known = (self.earlier.get(name) or self.event.field(name) for name in named)
        fields = [field for field in known if field is not None]
        found = {field.name: self._value(field) for field in fields}
        cut = {name for name, (_, goes_on) in found.items() if goes_on}
        wording = Wording({field.name: field.kind.value for field in fields})
        return wording.sentence(parts, {name: value for name, (value, _) in found.items()}, cut)

    def _value(self, field: Field) -> tuple[Value | State, bool]:
        """A field's value as a record's reader has it, and whether it goes on."""
        try:
            value = value_of(field, self.record)
        except KeyError:
            return State.UNKNOWN, False  # not in the record
        if isinstance(value, semantics.State):
            return State(value.value) if value.value in _STATES else State.UNKNOWN, False
        cut = isinstance(value, Truncated)
        return _shown(value.prefix if isinstance(value, Truncated) else value, field), cut


_STATES = {state.value for state in State}


def _parts(template: Iterable[Part]) -> Parts:
    return tuple(("text", p) if isinstance(p, str) else ("field", p.name) for p in template)


def _shown(value: FieldValue, field: Field) -> Value:
    assert not isinstance(value, semantics.State | Truncated)
    if isinstance(value, tuple):
        value = b"\0".join(value)
    if isinstance(value, bytes):
        text = value.decode("utf-8", "backslashreplace")
        if field.kind is Kind.STRINGS:
            return tuple(text.split("\0"))
        return text.replace("\0", " ")
    if not isinstance(value, int):
        return value
    if field.kind is Kind.BOOL:
        return bool(value)
    names = {constant: name for name, constant in field.constants}
    if field.kind is Kind.ENUM:
        return names.get(value, value)
    if field.kind is Kind.FLAGS:
        return tuple(name for bit, name in names.items() if bit and value & bit == bit)
    return value
