"""Where an event's fields stand in its record: in catalogue order, those that are in every record
and those that the policy uses. Nothing else decides."""

from collections.abc import Collection, Iterable

from attrs import evolve

from bpfc.artifact.layout import digest_of
from bpfc.artifact.manifest import EventLayout, NumberField, Parts, TextField
from bpfc.artifact.record import NUMBERS_MAX, VIEWS_MAX
from dsl.catalogue import Event, Field
from dsl.keys import field_words
from dsl.messages import default_message


class RecordFull(ValueError):
    """The policy uses more fields on an event than a record holds."""


def context_layout(event: Event, used: Collection[str]) -> EventLayout:
    """The process context's part of a record; it has these places in the records of all events.

    Args:
        event: any event that has a process.
        used: names of the context fields that the policy uses (on any event).

    Returns:
        The layout of the context alone.
    """
    return layout_of(evolve(event, fields=tuple(f for f in event.fields if f.context)), used)


def layout_of(event: Event, used: Collection[str] = ()) -> EventLayout:
    """Lay out the record of an event.

    Numbers take one 64-bit word each, an address two. Every text field that is not a part of
    another one gets a view of its own; a part names its base's view.

    Args:
        event: an event of the catalogue.
        used: names of the fields that the policy uses (`compiler.plan.used`).

    Returns:
        Its layout, with the digest that alert records carry.

    Raises:
        RecordFull: these are more numbers or texts than a record holds.
        ValueError: a part of an unknown field.
    """
    fields = event.in_record(used)
    numbers = number_fields(field for field in fields if not field.kind.is_text)
    word = sum(number.words for number in numbers)
    whole = [field.name for field in fields if field.kind.is_text and not field.part]
    views = {name: view for view, name in enumerate(whole)}
    if word > NUMBERS_MAX or len(views) > VIEWS_MAX:
        raise RecordFull(
            f"{event.name} has {word} words of numbers and {len(views)} texts in use;"
            f" a record holds {NUMBERS_MAX} and {VIEWS_MAX}"
        )
    texts = tuple(
        TextField(
            name=field.name,
            kind=field.kind.value,
            view=_view(field.base if field.part else field.name, event, views),
            part=field.part,
            joined=is_joined(field.name),
        )
        for field in fields
        if field.kind.is_text
    )
    return EventLayout(
        event=event.name,
        number=event.number,
        numbers=numbers,
        texts=texts,
        digest=digest_of(event.name, event.number, numbers, texts),
        message=_message(event, {field.name for field in fields}),
    )


def number_fields(fields: Iterable[Field]) -> tuple[NumberField, ...]:
    """Numbers one behind the other.

    Args:
        fields: no texts.
    """
    found: list[NumberField] = []
    word = 0
    for field in fields:
        words = field_words(field)
        found.append(
            NumberField(field.name, field.kind.value, word, words, field.signed, field.constants)
        )
        word += words
    return tuple(found)


def _message(event: Event, names: Collection[str]) -> Parts:
    """What alerts say by default, if the record has all of it."""
    parts = default_message(event)
    return parts if all(kind == "text" or text in names for kind, text in parts) else ()


def is_joined(name: str) -> bool:
    """Whether a field is a command line, whose NUL bytes stand for spaces."""
    return name.rsplit(".", 1)[-1] == "cmdline"


def _view(base: str, event: Event, views: dict[str, int]) -> int:
    if base not in views:
        raise ValueError(f"{event.name}: a part of {base}, which is not a text of the event")
    return views[base]
