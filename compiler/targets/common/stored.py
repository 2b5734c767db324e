"""Texts of the process table, loaded into the views of an event's subject and its parent."""

from attrs import frozen

from bpfc.artifact import record
from bpfc.artifact.control import PROCESS, PROCESS_SIZE
from compiler.emit import scratch
from compiler.emit.function import Function
from compiler.emit.scratch import Layout
from compiler.emit.unit import Unit
from compiler.emit.values import Ptr
from compiler.plan.model import PART_VIEWS
from compiler.targets.common.groups import Group


@frozen
class StoredText:
    """One text.

    Args:
        group: the function that loads it and the fields it gives; the first field names the view.
        entry: 0 for the subject's process table entry, 1 for the parent's, 2 for an ancestor's.
        prefix: of the entry's members.
        window: place in the text window.
    """

    group: Group
    entry: int
    prefix: str
    window: int


def _text(name: str, entry: int, prefix: str, window: int, *fields: str) -> StoredText:
    needs = ("find_parent",) if entry else ("find_process",)
    return StoredText(Group(name, fields, needs), entry, prefix, window)


STORED_TEXTS = (
    _text("ctx_exe", 0, "exe", scratch.EXE_AT, "proc.exe.path", "proc.exe.name"),
    _text("ctx_cmdline", 0, "cmdline", scratch.CMDLINE_AT, "proc.cmdline", "proc.argv"),
    _text("ctx_invoked", 0, "invoked", scratch.INVOKED_AT, "proc.invoked_as"),
    _text("ctx_script", 0, "script", scratch.SCRIPT_AT, "proc.script.path"),
    _text(
        "ctx_parent_exe",
        1,
        "exe",
        scratch.PARENT_EXE_AT,
        "proc.parent.exe.path",
        "proc.parent.exe.name",
    ),
    _text(
        "ctx_parent_cmdline",
        1,
        "cmdline",
        scratch.PARENT_CMDLINE_AT,
        "proc.parent.cmdline",
        "proc.parent.argv",
    ),
    _text("ctx_parent_invoked", 1, "invoked", scratch.PARENT_INVOKED_AT, "proc.parent.invoked_as"),
    _text("ctx_parent_script", 1, "script", scratch.PARENT_SCRIPT_AT, "proc.parent.script.path"),
)
# Of the image before an exec: the entry is the old one until the new image is entered.
PREVIOUS_TEXTS = (
    _text(
        "ctx_prev_exe", 0, "exe", scratch.PREV_EXE_AT, "proc.prev.exe.path", "proc.prev.exe.name"
    ),
    _text("ctx_prev_cmdline", 0, "cmdline", scratch.PREV_CMDLINE_AT, "proc.prev.cmdline"),
)


def emit_stored(
    unit: Unit, layout: Layout, views: dict[str, int], texts: tuple[StoredText, ...]
) -> None:
    """Emit the loading function of each text.

    Args:
        unit: the half's module.
        layout: the scratch slot.
        views: text view by catalogue name.
        texts: the texts that the platform has.
    """
    for text in texts:
        fn = unit.function(text.group.function, "slot", inline=True)
        slot = fn.lookup("scratch", fn.argument())
        load_stored(fn, slot, layout, text, views[text.group.fields[0]])
        fn.ret(0)


def load_stored(fn: Function, slot: Ptr, layout: Layout, text: StoredText, view: int) -> None:
    """Load a text.

    Args:
        fn: the function; its first argument is the slot's number.
        slot: the scratch slot.
        layout: of the slot.
        text: the text.
        view: where it goes.
    """
    base = text.entry * PROCESS_SIZE
    place = base + PROCESS[f"{text.prefix}_flags"].offset
    identity = base + PROCESS[f"{text.prefix}_id"].offset
    fn.call("load_text", fn.argument(), place, identity, view, text.window)
    if text.prefix == "exe":
        _last_component(slot, layout, base, view, text.window)


def _last_component(slot: Ptr, layout: Layout, base: int, view: int, window: int) -> None:
    """The file name: its length stands in the entry."""
    source, target = slot.at(scratch.view(view)), slot.at(scratch.view(view + PART_VIEWS))
    length, flags = source.at(4).load(4), source.at(8).load(4)
    name = slot.at(layout.process + base + PROCESS["exe_name"].offset).load(4)
    known = (flags & (record.VIEW_UNKNOWN | record.VIEW_TRUNCATED)).eq(0)
    target.store(length - name + window, 4)
    target.at(4).store(known.select(name, 0), 4)
    target.at(8).store(known.select(flags, record.VIEW_UNKNOWN), 4)
