"""The event catalogue: which events exist, which fields they have, and where each can be read.

The data stands in `catalogue.toml`, which says how it is written; `dsl.catalogue_data` reads it
into the immutable values of this module.
"""

import re
from collections.abc import Iterable
from enum import Enum
from functools import cache, cached_property

from attrs import evolve, frozen
from attrs import field as attribute

# The parameter in a field's name: proc.ancestors[2].exe.path, proc.env["LD_PRELOAD"].
_PARAMETER = re.compile(r'\[("?)([^"\]]*)\1\]')
_VARIABLE = re.compile(r"[^\W\d]\w{0,63}", re.ASCII)


class Kind(Enum):
    """The type of a field as the language sees it."""

    BOOL = "bool"
    INT = "int"
    FLAGS = "flags"
    ENUM = "enum"
    PORT = "port"
    IP = "ip"
    DURATION = "duration"
    TIME = "time"
    STRING = "string"
    PATH = "path"
    STRINGS = "strings"

    @property
    def is_text(self) -> bool:
        """Whether values are bytes in a view (string, path, list of strings)."""
        return self in (Kind.STRING, Kind.PATH, Kind.STRINGS)


@frozen
class Default:
    """What tests take for a field that they do not give, where 0, false or empty makes no sense.

    Args:
        value: a number, a text or an address as text; None if it follows from another field.
        same: name of the field whose value it has, or "".
        family_of: names of addresses: the family of the first one that the event has.
    """

    value: int | str | None
    same: str = ""
    family_of: tuple[str, ...] = ()


@frozen
class Field:
    """One field of one or more events.

    Args:
        name: dotted name, for example "proc.exe.path".
        kind: its type.
        signed: whether an INT is signed (64 bits either way in the record).
        capacity: longest value in bytes that is examined (texts only, else 0).
        optional: whether the field can be absent (a known state, tested by `exists`).
        relative: whether a PATH can be one that does not begin at a root.
        constants: named values of an ENUM or FLAGS field.
        base: name of the text field this one is a part of (proc.exe.name of proc.exe.path), or "".
        part: "", "name" (last component), "directory", "extension" or "elements" (of a
            NUL-separated list).
        phase: "before" if the value is known before the event's decision, else "after".
        platforms: systems that have it ("linux", "windows").
        since: catalogue version that introduced it.
        doc: one sentence for the reference page.
        context: whether it is of the process context, which has the same place in all records of a
            policy.
        recorded: whether it is in every record of its event, used or not.
        readers: systems whose adapter reads it in this version, all of them platforms.
        parameter: of a field whose name has one in brackets, which stands for many: "text", or
            the largest number; "" of all others, also of one of the many.
        default: of tests; None for 0, false, empty, or absent if it can be.
        image: whether it belongs to the program that a process runs: an exec brings a new value.
        id: "user" or "group" of a number that stands for one.
        known_by: of what the agent knows and the kernel does not: what finds it out
            (bpfc.userspace), else "".
        needs: of such a field: fields of the event out of which that is found.
    """

    name: str
    kind: Kind
    signed: bool
    capacity: int
    optional: bool
    relative: bool
    constants: tuple[tuple[str, int], ...]
    base: str
    part: str
    phase: str
    platforms: tuple[str, ...]
    since: int
    doc: str
    context: bool = attribute(default=False, kw_only=True)
    recorded: bool = attribute(default=True, kw_only=True)
    readers: tuple[str, ...] = attribute(
        default=("linux", "windows"), kw_only=True, converter=tuple
    )
    parameter: str = attribute(default="", kw_only=True)
    default: Default | None = attribute(default=None, kw_only=True)
    image: bool = attribute(default=False, kw_only=True)
    id: str = attribute(default="", kw_only=True)
    known_by: str = attribute(default="", kw_only=True)
    needs: tuple[str, ...] = attribute(default=(), kw_only=True)


@frozen
class File:
    """A file of an event: what is compared where two files are.

    Args:
        name: for example "file" or "proc.exe.file".
        path, device, inode: names of its fields.
    """

    name: str
    path: str
    device: str
    inode: str


@frozen
class Event:
    """One event.

    Args:
        name: for example "process.exec".
        number: stable id written into alert records.
        fields: all its fields in record order (process context first).
        phases: phases at which the event is seen ("before": can still be denied; "after").
        platforms: systems that have it.
        readers: systems whose adapter reads it in this version.
        files: what the event has for files.
        no_process: why no process is the subject of the event; "" if one is.
        since: catalogue version that introduced it.
        doc: one sentence.
        ended: whether the process of the event is gone (nothing is left to kill).
        agent_fields: what the agent knows of the event besides; no field of the record.
    """

    name: str
    number: int
    fields: tuple[Field, ...]
    phases: tuple[str, ...]
    platforms: tuple[str, ...]
    since: int
    doc: str
    ended: bool = False
    readers: tuple[str, ...] = ("linux", "windows")
    files: tuple[File, ...] = ()
    no_process: str = ""
    agent_fields: tuple[Field, ...] = ()

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {f.name: f for f in self.fields}

    @cached_property
    def _order(self) -> dict[str, int]:
        return {f.name: index for index, f in enumerate(self.fields)}

    def field(self, name: str) -> Field | None:
        """The field of that name, or None; `proc.env["A"]` is one of those of `proc.env["*"]`."""
        found = self._by_name.get(name)
        if found is None and "[" in name:
            return self._parametrised(name)
        return found if found is None or not found.parameter else None

    def _parametrised(self, name: str) -> Field | None:
        match = _PARAMETER.search(name)
        form = self._by_name.get(form_of(name))
        if match is None or form is None:
            return None
        if form.parameter == "text":
            fits = match[1] and _VARIABLE.fullmatch(match[2])
        else:
            fits = not match[1] and match[2] in map(str, range(1, int(form.parameter) + 1))
        if not fits:
            return None
        return evolve(form, name=name, base=form.base.replace("*", match[2]), parameter="")

    def agent_field(self, name: str) -> Field | None:
        """The field of that name that the agent knows, or None."""
        return next((f for f in self.agent_fields if f.name == name), None)

    @cached_property
    def as_confirmed(self) -> "Event":
        """The event with what the agent knows as fields: as `confirm` and alerts see it."""
        return evolve(self, fields=(*self.fields, *self.agent_fields))

    def file(self, name: str) -> File | None:
        """The file of that name, or None."""
        return next((f for f in self.files if f.name == name), None)

    @property
    def has_process(self) -> bool:
        """Whether a process is the subject of the event."""
        return not self.no_process

    def ordered(self, names: Iterable[str]) -> tuple[Field, ...]:
        """The fields of these names in catalogue order; names of no field are ignored."""
        found = [f for f in map(self.field, set(names)) if f is not None]
        return tuple(sorted(found, key=lambda f: (self._order[form_of(f.name)], f.name)))

    def in_record(self, used: Iterable[str]) -> tuple[Field, ...]:
        """The fields of the event's record: those that are in every record, and others in use.

        Args:
            used: names of fields; those that the event does not have are ignored.

        Returns:
            Fields in catalogue order.
        """
        return self.ordered([*used, *(f.name for f in self.fields if f.recorded)])


def form_of(name: str) -> str:
    """A field's name with `*` for its parameter: that of the catalogue's row."""
    return _PARAMETER.sub(r"[\1*\1]", name) if "[" in name else name


@frozen
class Catalogue:
    """All events, by catalogue version."""

    version: int
    events: tuple[Event, ...]

    @cached_property
    def as_confirmed(self) -> "Catalogue":
        """The catalogue with what the agent knows as fields of its events."""
        return evolve(self, events=tuple(event.as_confirmed for event in self.events))

    def event(self, name: str) -> Event | None:
        """The event of that name, or None."""
        return next((e for e in self.events if e.name == name), None)


@cache
def load() -> Catalogue:
    """Read the catalogue that ships with this version.

    Returns:
        The catalogue; the same value on every call.
    """
    from dsl.catalogue_data import read  # needs this module's values

    return read()
