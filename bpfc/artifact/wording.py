"""Values as words: how the text of an alert shows a field."""

from collections.abc import Callable, Collection, Iterable, Mapping

from attrs import Factory, frozen

from bpfc.artifact.confirm import AgentField
from bpfc.artifact.decode import State, Value
from bpfc.artifact.manifest import EventLayout, Parts, StepInfo

ABSENT, UNKNOWN, CUT = "-", "?", "..."
_STATES = {State.ABSENT: ABSENT, State.UNKNOWN: UNKNOWN}
_TIMES = frozenset({"duration", "time"})
# Nanoseconds, the unit's name, and the digits behind the point where it is the smallest shown.
_LONG = ((86_400_000_000_000, "d"), (3_600_000_000_000, "h"), (60_000_000_000, "min"))
_SHORT = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns"))

Values = Mapping[str, Value | State]
# The name of a user by its id; None if it has none. Who does not know any gives None for all.
Users = Callable[[int], str | None]

# Fields of default messages that are users' ids, and where a container is named.
USER_FIELDS = ("proc.uid", "setuid.uid", "setuid.euid", "chown.owner")
_CONTAINER = "container.id"


@frozen
class Wording:
    """Puts the fields of one event into words.

    Args:
        kinds: catalogue kind by name.
        times: names of durations and times.
    """

    kinds: Mapping[str, str]
    times: frozenset[str] = Factory(
        lambda self: frozenset(n for n, kind in self.kinds.items() if kind in _TIMES),
        takes_self=True,
    )

    @classmethod
    def of(cls, layout: EventLayout) -> "Wording":
        """The wording of an event.

        Args:
            layout: of its records.
        """
        kinds = {number.name: number.kind for number in layout.numbers}
        return cls(kinds | {text.name: text.kind for text in layout.texts})

    def with_agent(self, fields: Iterable[AgentField]) -> "Wording":
        """The wording of an event that also has what the agent knows.

        Args:
            fields: of a rule.
        """
        kinds = {field.name: field.kind for field in fields}
        return Wording({**self.kinds, **kinds}) if kinds else self

    def with_step(self, step: StepInfo) -> "Wording":
        """The wording of an event that can also name what an earlier step saw.

        Args:
            step: of a sequence.
        """
        kinds = {f"{step.name}.{field.name}": field.kind for field in step.fields}
        return Wording({**self.kinds, **kinds})

    def sentence(self, parts: Parts, values: Values, truncated: Collection[str]) -> str:
        """A text with fields in it.

        Args:
            parts: ("text", words) and ("field", name) in turn.
            values: the event's fields.
            truncated: texts of which only the beginning is there.

        Returns:
            The text, of one line unless a value has several.
        """
        words = []
        for kind, text in parts:
            if kind == "text":
                words.append(text)
                continue
            value = values.get(text)
            # Most values are texts and numbers; every alert goes through here.
            if type(value) is str and not truncated:
                words.append(value)
            elif type(value) is int and text not in self.times:
                words.append(str(value))
            else:
                words.append(self.shown(text, values, truncated))
        return "".join(words)

    def shown(self, name: str, values: Values, truncated: Collection[str]) -> str:
        """One field within a sentence; arguments as for `sentence`."""
        value = values.get(name, State.ABSENT)
        if isinstance(value, State):
            return _STATES[value]
        if isinstance(value, str):
            return value + CUT if name in truncated else value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, tuple):
            flags = self.kinds.get(name) == "flags"
            words = "|".join(value) or "none" if flags else " ".join(map(argument, value))
            return f"{words} {CUT}" if name in truncated else words
        if isinstance(value, int) and name in self.times:
            return duration(value)
        return str(value)


def headline(title: str, what: str, values: Values) -> str:
    """What an alert says where its rule has no text.

    Args:
        title: of the rule.
        what: who did what, or "".
        values: the event's fields; a container among them is named.
    """
    container = values.get(_CONTAINER)
    where = f", in container {container}" if container and isinstance(container, str) else ""
    return f"{title}: {what}{where}" if what else title


def with_users(values: Values, users: Users) -> Values:
    """Values in which ids of users have names behind them, as in `33 (www-data)`.

    Args:
        values: of an event. Ids of a process in a container are left alone: the names that this
            machine has for them are not those of the container.
        users: what this machine calls them.
    """
    if isinstance(values.get(_CONTAINER), str):
        return values
    found: dict[str, Value | State] = {}
    for name in USER_FIELDS:
        uid = values.get(name)
        if isinstance(uid, int) and (user := users(uid)):
            found[name] = f"{uid} ({user})"
    return {**values, **found} if found else values


def argument(word: str) -> str:
    """An element of a list; one that would look like several, or like none, stands in quotes.

    Args:
        word: for example an argument of a program.
    """
    if word and not any(char.isspace() or char == '"' for char in word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def duration(nanoseconds: int) -> str:
    """A time in the language's units, of two of which the smaller is rounded down.

    Args:
        nanoseconds: at least 0; negative ones get a sign.

    Returns:
        For example "3d 4h", "5min 20s", "1.5s", "250ms".
    """
    if nanoseconds < 0:
        return f"-{duration(-nanoseconds)}"
    for index, (size, unit) in enumerate(_LONG):
        if nanoseconds >= size:
            smaller, smaller_unit = (*_LONG, _SHORT[0])[index + 1]
            rest = nanoseconds % size // smaller
            return f"{nanoseconds // size}{unit}" + (f" {rest}{smaller_unit}" if rest else "")
    for size, unit in _SHORT:
        if nanoseconds >= size:
            whole, rest = divmod(nanoseconds, size)
            digits = f"{rest * 1000 // size:03}".rstrip("0")
            return f"{whole}.{digits}{unit}" if digits else f"{whole}{unit}"
    return "0s"
