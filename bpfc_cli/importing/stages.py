"""What of a rule the kernel decides, and what is left for the agent: `when` and `confirm when`."""

import re
from collections.abc import Sequence
from functools import cache

from attrs import frozen

from bpfc_cli.importing.conditions import (
    All,
    Always,
    Any,
    Condition,
    Not,
    Raw,
    Test,
    simplified,
    without,
)
from dsl import catalogue

Named = tuple[str, Condition]
# Names in the language's own words, and texts, which may have such words in them.
_WORDS = re.compile(r'r"[^"]*"|"(?:[^"\\]|\\.)*"|[a-z_][\w.]*')


@frozen
class Stages:
    """A condition and its exceptions, divided.

    Args:
        when: what the kernel decides: true wherever the whole can be.
        excepts: exceptions that the kernel decides, by name.
        confirm: what else has to be true, or None if the agent is not asked.
        moved: names of exceptions that are a part of `confirm`.
    """

    when: Condition
    excepts: tuple[Named, ...]
    confirm: Condition | None
    moved: tuple[str, ...] = ()

    def notes(self, events: Sequence[str]) -> tuple[str, ...]:
        """What a reader of the rule should know of it.

        Args:
            events: catalogue names.
        """
        found = [
            f"the exception {name} needs the agent: it is a part of `confirm`"
            for name in self.moved
        ]
        if self.confirm is not None and simplified(self.when) == Always(True):
            names = " and ".join(events)
            found.append(f"all that it asks for needs the agent: every {names} is a candidate")
        return tuple(found)


def divided(when: Condition, excepts: Sequence[Named]) -> Stages:
    """Divide a condition.

    Args:
        when: the condition; without tests that nobody can decide (`Unseen`).
        excepts: exceptions by name.

    Returns:
        Both stages. Together they are true where the condition is and no exception.
    """
    kept = tuple(item for item in excepts if not asks_agent(item[1]))
    moved = tuple(item for item in excepts if asks_agent(item[1]))
    if not moved and not asks_agent(when):
        return Stages(when, kept, None)
    whole = simplified(All((when, *(Not(condition) for _, condition in moved))))
    first = simplified(without(whole, asks_agent, True))
    names = tuple(name for name, _ in moved)
    second = _cheap_first(simplified(_left(whole)))
    return Stages(first, kept, None if isinstance(second, Always) else second, names)


def _left(item: Condition) -> Condition:
    """What of a condition is still open where the kernel has found its own part of it."""
    match item:
        case _ if not asks_agent(item):
            return Always(True)
        case All():
            return All(tuple(map(_left, item.items)))
        case Not(item=Any() as inner):
            return Not(Any(tuple(filter(asks_agent, inner.items))))
        case _:
            return item


def _cheap_first(item: Condition) -> Condition:
    """A condition with what the record has before what has to be looked up, as far as it goes."""
    match item:
        case Not():
            return Not(_cheap_first(item.item))
        case All() | Any():
            return type(item)(tuple(sorted(map(_cheap_first, item.items), key=asks_agent)))
        case _:
            return item


def apart(item: Condition) -> tuple[Condition, Condition] | None:
    """Two conditions, one of which is true where a condition is.

    Args:
        item: a condition, simplified.

    Returns:
        One with alternatives that the kernel decides, one with those that ask the agent; None of
        one that has no such alternatives.
    """
    match item:
        case Not(item=All() as inner):
            return apart(Any(tuple(map(Not, inner.items))))
        case Not(item=Any() as inner):
            return apart(All(tuple(map(Not, inner.items))))
        case Any():
            asked = tuple(filter(asks_agent, item.items))
            others = tuple(part for part in item.items if not asks_agent(part))
            return (Any(others), Any(asked)) if asked and others else None
        case All():
            for place, part in enumerate(item.items):
                if parts := apart(part):
                    before, behind = item.items[:place], item.items[place + 1 :]
                    return All((*before, parts[0], *behind)), All((*before, parts[1], *behind))
    return None


def asks_agent(item: Condition) -> bool:
    """Whether a condition has a test of something that only the agent knows."""
    return bool(agent_fields(item))


def agent_fields(item: Condition) -> frozenset[str]:
    """Catalogue names of the fields in a condition that only the agent knows."""
    match item:
        case Test():
            return _agent_names() & {item.field}
        case Raw():
            return _agent_names() & {*_WORDS.findall(item.text)}
        case Not():
            return agent_fields(item.item)
        case All() | Any():
            return frozenset().union(*map(agent_fields, item.items))
        case _:
            return frozenset()


@cache
def _agent_names() -> frozenset[str]:
    """Names of what the agent knows and no adapter reads; what is read is the kernel's."""
    events = catalogue.load().events
    known = {field.name for event in events for field in event.agent_fields}
    read = (field.name for event in events for field in event.fields if field.readers)
    return frozenset(known.difference(read))
