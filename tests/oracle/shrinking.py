"""From an example in which oracles differ to a small one, and to a fixture."""

import json
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, TypeVar

from attrs import evolve

from dsl.interpreter import Event
from dsl.semantics import ABSENT, UNKNOWN, FieldValue, Truncated
from tests.language.fixture import START, lines
from tests.oracle.oracles import Example, compiled, linux_expected
from tests.oracle.sources import Source

TRIES = 600
Fails = Callable[[Example], bool]
_Item = TypeVar("_Item")


class _Shrinker:
    """Tries smaller examples as long as they fail and tries are left."""

    def __init__(self, example: Example, fails: Fails) -> None:
        self.best, self.fails, self.left = example, fails, TRIES

    def try_(self, example: Example) -> bool:
        """Whether a smaller example fails too; it is the best one then."""
        if self.left <= 0:
            return False
        self.left -= 1
        if not self.fails(example):
            return False
        self.best = example
        return True


def smallest(example: Example, fails: Fails) -> Example:
    """A small example that still fails.

    Args:
        example: one that fails.
        fails: whether an example does.

    Returns:
        One with fewer policies, rules, events and values, none of which can be left out by itself
        (as far as tries suffice).
    """
    shrinker = _Shrinker(example, fails)
    _policies(shrinker)
    for _ in range(2):
        _rules(shrinker)
        _events(shrinker)
    _values(shrinker)
    return shrinker.best


def _policies(shrinker: _Shrinker) -> None:
    """Leave out whole policies, with their events."""
    at = len(shrinker.best.sources) - 1
    while at >= 0 and len(shrinker.best.sources) > 1:
        best = shrinker.best
        shrinker.try_(
            evolve(
                best,
                sources=_without(best.sources, at, 1),
                events=_without(best.events, at, 1),
            )
        )
        at -= 1


def _rules(shrinker: _Shrinker) -> None:
    """Leave out the same rules of all policies."""

    def without(at: int, count: int) -> Example:
        best = shrinker.best
        rules = [evolve(s, rules=_without(s.rules, at, count)) for s in best.sources]
        return evolve(best, sources=tuple(rules))

    _in_halves(lambda: len(shrinker.best.sources[0].rules), without, shrinker, 1)


def _events(shrinker: _Shrinker) -> None:
    """Leave out events."""
    for number in range(len(shrinker.best.events)):

        def without(at: int, count: int, number: int = number) -> Example:
            streams = list(shrinker.best.events)
            streams[number] = _without(streams[number], at, count)
            return evolve(shrinker.best, events=tuple(streams))

        _in_halves(lambda n=number: len(shrinker.best.events[n]), without, shrinker, 0)  # type: ignore[misc]


def _in_halves(
    length: Callable[[], int],
    without: Callable[[int, int], Example],
    shrinker: _Shrinker,
    least: int,
) -> None:
    """Leave out large pieces first, then smaller ones, from the end."""
    size = max(1, length() // 2)
    while size:
        at = length() - size
        while at >= 0:
            if length() - size >= least:
                shrinker.try_(without(at, size))
            at = min(at, length()) - size
        size //= 2


def _values(shrinker: _Shrinker) -> None:
    """Leave out values of events that do not matter: they are then 0, empty or absent."""
    for number in range(len(shrinker.best.events)):
        for at in range(len(shrinker.best.events[number])):
            for name in list(shrinker.best.events[number][at].fields):
                streams = [list(stream) for stream in shrinker.best.events]
                event = streams[number][at]
                fields = {key: value for key, value in event.fields.items() if key != name}
                streams[number][at] = evolve(event, fields=fields)
                shrinker.try_(evolve(shrinker.best, events=tuple(map(tuple, streams))))


def _without(items: Sequence[_Item], at: int, count: int) -> tuple[_Item, ...]:
    return (*items[:at], *items[at + count :])


def written(example: Example, folder: Path, name: str) -> list[Path]:
    """Write an example as fixtures of tests/language: NAME.det and NAME.toml.

    A fixture has no updates: an example of several policies becomes several fixtures, each with the
    events up to then.

    Args:
        example: the example.
        folder: for example tests/language/cases.
        name: of the files.

    Returns:
        The files.
    """
    found = []
    several = len(example.sources) > 1
    for number, source in enumerate(example.sources):
        stem = f"{name}_{number + 1}" if several else name
        texts = _texts(source, example.events[number], example.sets)
        for suffix, text in zip((".det", ".toml"), texts, strict=True):
            path = folder / f"{stem}{suffix}"
            path.write_text(text, "utf-8")
            found.append(path)
    return found


def _texts(
    source: Source, events: tuple[Event, ...], sets: dict[str, tuple[Any, ...]]
) -> tuple[str, str]:
    (item,) = compiled(Example((source,), (events,), sets))
    (expected,) = linux_expected([item], sets)
    text = ["about = []"]
    if sets:
        text += ["", "[sets]", *(f"{key} = {_plain(list(v))}" for key, v in sets.items())]
    for event, outcome in zip(events, expected.outcomes, strict=True):
        text += ["", "[[event]]", f'event = "{event.name}"', f'at = "{event.time - START}ns"']
        text += (f'"{key}" = {_value(key, value)}' for key, value in event.fields.items())
        text.append(f"expect = {_plain(list(lines(outcome)))}")
    return source.text, "\n".join(text) + "\n"


def _plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _value(name: str, value: FieldValue) -> str:
    if value is UNKNOWN or value is ABSENT:
        return f"{{ {value.value} = true }}"
    if isinstance(value, IPv4Address | IPv6Address):
        return f'"{value}"'
    if isinstance(value, Truncated):
        return f"{{ {_hex(value.prefix)}, truncated = true }}"
    if isinstance(value, bytes):
        plain = value.isascii() and value.decode().isprintable()
        return _plain(value.decode()) if plain else f"{{ {_hex(value)} }}"
    return str(value)


def _hex(value: bytes) -> str:
    return f'hex = "{value.hex()}"'


def shown(example: Example) -> Iterator[str]:
    """An example as text, line by line."""
    for source, events in zip(example.sources, example.events, strict=True):
        yield source.text
        for event in events:
            fields = ", ".join(f"{k}={_value(k, v)}" for k, v in event.fields.items())
            yield f"  {event.name} at {event.time - START} ns: {fields}"
    if example.sets:
        yield f"  sets: {example.sets}"
