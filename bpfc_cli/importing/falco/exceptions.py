"""Falco's exceptions: fields, operators and tuples of values, as conditions with a name."""

from collections.abc import Iterable, Mapping

from attrs import evolve, frozen

from bpfc_cli.importing.falco.entries import Entry, Value, Wrong
from bpfc_cli.importing.falco.parsing import ConditionError, parse
from bpfc_cli.importing.falco.syntax import And, Compare, Expression, FieldName, Or, Word

OPERATORS = [
    "=",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "contains",
    "icontains",
    "bcontains",
    "startswith",
    "bstartswith",
    "endswith",
    "glob",
    "iglob",
    "regex",
    "in",
    "intersects",
    "pmatch",
    "exists",
]
_LISTS = ("in", "pmatch", "intersects")


@frozen
class Exception_:
    """One exception.

    Args:
        name: may be "".
        fields: what values are about; one alone is not in a list.
        comps: an operator for each field.
        values: for each row a value, or several, of each field.
    """

    name: str
    fields: str | tuple[str, ...]
    comps: tuple[str, ...]
    values: tuple[tuple[tuple[str, ...] | str, ...], ...]


def exceptions_of(entry: Entry, before: tuple[Exception_, ...]) -> tuple[Exception_, ...]:
    """The exceptions of a rule.

    Args:
        entry: the rule, or what is appended to it.
        before: what the rule has already; values of one with the same name are appended.

    Returns:
        All of them.

    Raises:
        Wrong: something is no exception.
    """
    given = entry.keys.get("exceptions", [])
    if not isinstance(given, list):
        raise Wrong(entry.origin, "`exceptions` is no list", entry.name)
    found = {item.name: item for item in before}
    for item in given:
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            raise Wrong(entry.origin, "an exception has no name", entry.name)
        name = str(item["name"])
        if name in found and "fields" not in item:
            known = found[name]
            rows = _rows(entry, item, known.fields)
            found[name] = evolve(known, values=(*known.values, *rows))
        else:
            found[name] = _new(entry, name, item)
    return tuple(found.values())


def _new(entry: Entry, name: str, item: Mapping[str, Value]) -> Exception_:
    given = item.get("fields")
    if isinstance(given, str) and given:
        fields: str | tuple[str, ...] = given
        default = ["in"]
    elif isinstance(given, list) and given and all(isinstance(f, str) for f in given):
        fields = tuple(map(str, given))
        default = ["="] * len(fields)
    else:
        raise Wrong(entry.origin, f"exception {name} has no fields", entry.name)
    comps = item.get("comps")
    words = default if comps is None else [comps] if isinstance(comps, str) else [*map(str, comps)]
    alike = comps is None or isinstance(comps, str) == isinstance(fields, str)
    if len(words) != len(default) or not alike:
        text = f"exception {name} has {len(default)} fields and {len(words)} operators"
        raise Wrong(entry.origin, text, entry.name)
    for word in words:
        if word not in OPERATORS:
            raise Wrong(entry.origin, f"exception {name}: there is no operator {word}", entry.name)
    if isinstance(fields, str) and words[0] not in _LISTS:
        text = f"exception {name}: one field takes in, pmatch or intersects, not {words[0]}"
        raise Wrong(entry.origin, text, entry.name)
    return Exception_(name, fields, tuple(words), _rows(entry, item, fields))


def _rows(
    entry: Entry, item: Mapping[str, Value], fields: str | tuple[str, ...]
) -> tuple[tuple[tuple[str, ...] | str, ...], ...]:
    name, values = item["name"], item.get("values", [])
    if not isinstance(values, list):
        raise Wrong(entry.origin, f"exception {name}: values are no list", entry.name)
    width = 1 if isinstance(fields, str) else len(fields)
    rows = []
    for value in values:
        parts = [value] if isinstance(fields, str) else value
        if not isinstance(parts, list) or len(parts) != width:
            text = f"exception {name}: a row of values does not have {width} of them"
            raise Wrong(entry.origin, text, entry.name)
        rows.append(tuple(_cell(entry, str(name), part) for part in parts))
    return tuple(rows)


def _cell(entry: Entry, name: str, value: Value) -> tuple[str, ...] | str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(map(str, value))
    raise Wrong(entry.origin, f"exception {name}: a value is neither text nor list", entry.name)


def condition_of(exception: Exception_) -> Expression | None:
    """When an exception applies.

    Args:
        exception: it.

    Returns:
        The condition; None without values.

    Raises:
        ConditionError: a field is none.
    """
    if not exception.values:
        return None
    if isinstance(exception.fields, str):
        words = tuple(_words(row[0] for row in exception.values))
        return Compare(_field(exception.fields), exception.comps[0], words)
    fields = tuple(map(_field, exception.fields))
    rows: list[Expression] = []
    for row in exception.values:
        tests = zip(fields, exception.comps, row, strict=True)
        rows.append(And(tuple(_test(field, op, cell) for field, op, cell in tests)))
    return Or(tuple(rows))


def _test(field: FieldName, op: str, cell: tuple[str, ...] | str) -> Compare:
    if op == "exists":
        return Compare(field, op)
    if isinstance(cell, str) and op in _LISTS:
        # A text that stands for a list may have parentheses around it.
        inside = cell.strip().removeprefix("(").removesuffix(")")
        return Compare(field, op, tuple(_words(part.strip() for part in inside.split(","))))
    return Compare(field, "=" if op == "==" else op, tuple(_words([cell])))


def _words(cells: Iterable[tuple[str, ...] | str]) -> list[Word]:
    found = []
    for cell in cells:
        for text in (cell,) if isinstance(cell, str) else cell:
            quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
            found.append(Word(text[1:-1] if quoted else text, quoted))
    return found


def _field(text: str) -> FieldName:
    found = parse(f"{text} exists")
    if not isinstance(found, Compare):
        raise ConditionError(f"{text} is no field")
    return found.field
