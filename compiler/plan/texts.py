"""Text fields: from literals to the bytes of one or more automata."""

from collections.abc import Iterator, Mapping, Sequence

from compiler.plan.automaton import Alphabet, Needle, build
from compiler.plan.layout import is_joined
from compiler.plan.model import TextTables
from compiler.plan.steps import MachineSteps, Steps, steps_of
from compiler.plan.tables import Marks, shared_tables
from dsl.catalogue import Event, Field, Kind

# Transitions of literals that are dealt out to one automaton; a sparse table has room for 2^18.
_CHUNK = 200_000


class DoesNotFit(Exception):
    """A single literal needs more states than a table has."""

    def __init__(self, needle: Needle) -> None:
        super().__init__(needle)
        self.needle = needle


def tables_of(
    field: Field, event: Event, nocase: bool, marks: Mapping[Needle, Marks]
) -> list[TextTables]:
    """The automata of one text field.

    Args:
        field: a text field of the event.
        event: the event; its platforms and the field's decide which halves have tables.
        nocase: whether ASCII letters are folded. Windows folds paths in any case.
        marks: what each literal's occurrence sets.

    Returns:
        Usually one; several where states or bytes would not fit in one table.

    Raises:
        DoesNotFit: one literal alone is too long.
    """
    needles = sorted(marks, key=lambda n: (n.text, n.start, n.end))
    alphabets = _alphabets(field, event, nocase)
    return [
        tables
        for chunk in _chunks(needles, alphabets)
        for tables in _split(chunk, alphabets, marks)
    ]


def is_path(field: Field, event: Event) -> bool:
    """Whether a field is a path or a part of one (such fields fold case on Windows)."""
    base = event.field(field.base) if field.part else field
    return base is not None and base.kind is Kind.PATH


def _alphabets(field: Field, event: Event, nocase: bool) -> dict[str, Alphabet]:
    result: dict[str, Alphabet] = {}
    for platform in ("linux", "windows"):
        if platform in field.platforms and platform in event.platforms:
            wide = platform == "windows"
            result[platform] = Alphabet(
                wide=wide,
                nocase=nocase or (wide and is_path(field, event)),
                joined=is_joined(field.name),
                elements=field.part == "elements",
            )
    return result


def _chunks(
    needles: Sequence[Needle], alphabets: Mapping[str, Alphabet]
) -> Iterator[Sequence[Needle]]:
    """Runs of sorted literals that will about fill a table each.

    Counts trie nodes (letters that are not shared with the literal before), two states each for
    UTF-16. `_split` has the last word; this saves it from building what is far too big.
    """
    wide = any(alphabet.wide for alphabet in alphabets.values())
    begin, states, before = 0, 2, b""
    for at, needle in enumerate(needles):
        fresh = len(needle.text) - _shared(before, needle.text) + needle.end
        states += fresh << wide
        if states > _CHUNK and at > begin:
            yield needles[begin:at]
            begin, states = at, 2 + (len(needle.text) + needle.end << wide)
        before = needle.text
    yield needles[begin:]


def _shared(left: bytes, right: bytes) -> int:
    """Length of the common beginning of two texts."""
    for at, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return at
    return min(len(left), len(right))


def _split(
    needles: Sequence[Needle], alphabets: Mapping[str, Alphabet], marks: Mapping[Needle, Marks]
) -> list[TextTables]:
    """All literals in one automaton, or, where that is too big, each half of them in its own."""
    halves: dict[str, Steps | MachineSteps] = {
        name: steps_of(build(needles, alphabet)) for name, alphabet in alphabets.items()
    }
    tables = shared_tables(halves, [marks[needle] for needle in needles])
    if tables is not None:
        return [tables]
    if len(needles) == 1:
        raise DoesNotFit(needles[0])
    middle = len(needles) // 2
    return [
        *_split(needles[:middle], alphabets, marks),
        *_split(needles[middle:], alphabets, marks),
    ]
