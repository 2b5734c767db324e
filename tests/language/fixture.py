"""Cases of the language: a policy, events, and what they come to. README.md has the format."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from attrs import frozen

from dsl.catalogue import Event as EventKind
from dsl.catalogue import Field, Kind, load
from dsl.interpreter import Event, Outcome, Seen
from dsl.literals import DURATIONS
from dsl.semantics import ABSENT, UNKNOWN, FieldValue, Truncated

CASES = Path(__file__).parent / "cases"
POLICIES = Path(__file__).parent / "policies"
START = 3600 * 10**9  # nanoseconds since boot at which a case's clock stands at 0
_WORDS = ("event", "at", "expect", "steps")


@frozen
class Case:
    """One case.

    Args:
        name: for messages.
        source: the policy.
        events: in order.
        expected: for each event what it comes to, see `lines`.
        sets: what run-time sets hold at first, by name.
        files: what the policy can include, by name.
        about: chapters of the specification that it is about.
        steps: for each event what the alerts of sequences say of earlier steps, by rule, where it
            is given.
    """

    name: str
    source: str
    events: tuple[Event, ...]
    expected: tuple[tuple[str, ...], ...]
    sets: Mapping[str, tuple[Any, ...]]
    files: Mapping[str, str]
    about: tuple[str, ...] = ()
    steps: tuple[Mapping[str, tuple[Seen, ...]], ...] = ()


def cases(folder: Path = CASES) -> Iterator[Case]:
    """All cases of a folder, in order of their names."""
    for path in sorted(folder.glob("*.det")):
        events = path.with_suffix(".toml").read_text("utf-8")
        yield read(f"{folder.name}/{path.stem}", path.read_text("utf-8"), events)


def read(name: str, source: str, text: str) -> Case:
    """A case from its two files.

    Raises:
        ValueError: an event or a field does not exist, or has a value of another type.
    """
    data = tomllib.loads(text)
    defaults, rows = data.pop("defaults", {}), data.pop("event", [])
    sets = {key: tuple(values) for key, values in data.pop("sets", {}).items()}
    files = {f"{Path(name).parent}/{key}": text for key, text in data.pop("files", {}).items()}
    about = tuple(data.pop("about", ()))
    if data or not rows:
        raise ValueError(f"{name}: {sorted(data) or 'no events'}")
    events, time = [], 0
    for number, row in enumerate(rows):
        if missing := {"event", "expect"} - set(row):
            raise ValueError(f"{name}, event {number}: no {sorted(missing)}")
        try:
            time = duration(row["at"]) if "at" in row else time
            given = {**defaults.get(row["event"], {}), **row}
            values = {key: value for key, value in given.items() if key not in _WORDS}
            events.append(Event(row["event"], START + time, record(row["event"], values)))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{name}, event {number}: {error}") from error
    expected = tuple(tuple(row["expect"]) for row in rows)
    steps = tuple(
        {rule: tuple(map(_seen, found)) for rule, found in row.get("steps", {}).items()}
        for row in rows
    )
    return Case(name, source, tuple(events), expected, sets, files, about, steps)


def _seen(row: Mapping[str, Any]) -> Seen:
    """What an earlier step saw: `{ event = "net.connect", at = "5s", "proc.pid" = 7 }`."""
    kind = load().event(row["event"])
    assert kind is not None
    values = {name: value for name, value in row.items() if name not in _WORDS}
    fields = {name: kind.field(name) for name in values}
    found = {n: _value(values[n], field, field) for n, field in fields.items() if field}
    return Seen(START + duration(row["at"]), found)


def duration(text: str) -> int:
    """Nanoseconds of a duration literal; `ns` is a unit here, too."""
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text[len(digits) :]
    return int(digits) * (1 if unit == "ns" else DURATIONS[unit])


def record(event: str, given: Mapping[str, Any]) -> dict[str, FieldValue]:
    """All values of an event; what is not given is 0, false, empty, or absent if it can be.

    Parts of a text (the last component of a path) follow from the text, a joined one from its list.
    """
    kind = load().event(event)
    if kind is None:
        raise ValueError(f"no event {event}")
    found: dict[str, FieldValue] = {}
    for name, value in given.items():
        field = kind.as_confirmed.field(name)
        if field is None or (field.part and field.part != "elements"):
            raise ValueError(f"{event} has no field {name} that could be given")
        base = _base(field, kind)
        if base.name in found:
            raise ValueError(f"{base.name} is given twice")
        found[base.name] = _value(value, field, base)
    return complete(event, found, (field.name for field in kind.fields))


def complete(
    event: str, given: Mapping[str, FieldValue], names: Iterable[str]
) -> dict[str, FieldValue]:
    """A record with those of its event's fields that it lacks: 0, false, empty, or absent.

    Args:
        event: catalogue name.
        given: the record.
        names: of fields of any event; parts of a text follow from the text.
    """
    kind = load().event(event)
    found = dict(given)
    for name in names:
        field = kind.field(name) if kind else None
        if field is not None and not field.part and name not in found:
            found[name] = ABSENT if field.optional else _nothing(field)
    return found


def _base(field: Field, kind: EventKind) -> Field:
    """The text that a field is a part of, or itself."""
    return kind.field(field.base) or field


def _nothing(field: Field) -> FieldValue:
    if field.kind is Kind.IP:
        return ip_address("0.0.0.0")
    return b"" if field.kind.is_text else 0


def _value(value: Any, field: Field, base: Field) -> FieldValue:
    """One value as the interpreter takes it; a list as its bytes, NUL between elements."""
    if isinstance(value, dict) and len(value) == 1 and next(iter(value.values())) is True:
        return {"unknown": UNKNOWN, "absent": ABSENT}[next(iter(value))]
    if not field.kind.is_text:
        return _number(value, field)
    text, cut = _text(value)
    # What does not fit is not examined, as in a real event.
    if len(text) > base.capacity:
        return Truncated(text[: base.capacity])
    return Truncated(text) if cut else text


def _text(value: Any) -> tuple[bytes, bool]:
    """The bytes of a text or a list, and whether it goes on behind them."""
    if isinstance(value, str):
        return value.encode(), False
    if isinstance(value, list):
        return b"\0".join(_text(item)[0] for item in value), False
    keys = {"hex", "list", "prefix", "repeat", "times", "then", "truncated"}
    if not isinstance(value, dict) or not value.keys() <= keys:
        raise ValueError(f"{value!r} is no text")
    whole = _text(value.get("list", value.get("prefix", "")))[0] + bytes.fromhex(
        value.get("hex", "")
    )
    whole += value.get("repeat", "").encode() * value.get("times", 1)
    return whole + value.get("then", "").encode(), bool(value.get("truncated"))


def _number(value: Any, field: Field) -> FieldValue:
    if field.kind is Kind.IP:
        return ip_address(value)
    if field.kind in (Kind.TIME, Kind.DURATION) and isinstance(value, str):
        return duration(value)
    names = dict(field.constants)
    if isinstance(value, str):
        return names[value]
    if isinstance(value, list):
        return sum(names[item] if isinstance(item, str) else int(item) for item in value)
    return int(value)


def lines(outcome: Outcome) -> tuple[str, ...]:
    """What a case says of an outcome: alerts, then what was done, then what would have been."""
    found = [f"alert {a.rule}{' partial' if a.partial else ''}" for a in outcome.alerts]
    found += [f"deny {outcome.deny}"] if outcome.deny else []
    found += [f"kill {target}" for target in sorted(outcome.kill)]
    # Of an audited denial beside a real one only the fact is reported.
    would = "would deny" if outcome.deny else f"would deny {outcome.would_deny}"
    found += [would] if outcome.would_deny else []
    found += ["would kill"] if outcome.would_kill else []
    return tuple(found)
