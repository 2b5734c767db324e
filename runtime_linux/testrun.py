"""For tests: events judged by a policy's own compiled core, without provoking them.

An artifact compiled with `testing=True` has judging programs only; nothing is attached and no map
is shared. A record can have any combination of values, unknown, absent and
truncated fields. The record's time is the test's, and so is the clock that rules go by.
"""

import ctypes
import os
import struct
from collections.abc import Mapping, Sequence
from types import TracebackType

from attrs import Factory, frozen

from bpfc.artifact import record
from bpfc.artifact.container import Artifact
from bpfc.artifact.control import SCRATCH_MAP
from bpfc.artifact.testing import CONTEXT_SIZE, NO_SLOT, Judge, SlotLayout
from bpfc.runtime.errors import SensorError
from bpfc.runtime.ladder import choose_forms
from bpfc.runtime.platform import Capability, ChosenForm
from bpfc.runtime.sets import RuntimeSet, Tables
from runtime_linux.diagnostics import load_error
from runtime_linux.lines import line_places
from runtime_linux.loaded import LinuxLoaded, Unit
from runtime_linux.loader import fill, unload
from runtime_linux.maps import u32
from runtime_linux.objects import BpfObject, LoadFailure
from runtime_linux.shared import SharedMaps
from runtime_linux.tables import MapTable

_SLOT = 0  # the maps are this runner's own: nothing else claims a slot
_STATS_MAP = "rule_stats"
_VIEW = struct.Struct("<IIII")
_STATS = struct.Struct(f"<{len(record.RULE_STATS)}Q")
_CONTEXT = struct.Struct("<6Q")
_SIZES = {1: "B", 2: "H", 4: "I", 8: "Q"}
assert _CONTEXT.size == CONTEXT_SIZE and _STATS.size == record.RULE_STATS_SIZE


class _RunOptions(ctypes.Structure):
    """struct bpf_test_run_opts of bpf/bpf.h."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("data_in", ctypes.c_void_p),
        ("data_out", ctypes.c_void_p),
        ("data_size_in", ctypes.c_uint32),
        ("data_size_out", ctypes.c_uint32),
        ("ctx_in", ctypes.c_char_p),
        ("ctx_out", ctypes.c_void_p),
        ("ctx_size_in", ctypes.c_uint32),
        ("ctx_size_out", ctypes.c_uint32),
        ("retval", ctypes.c_uint32),
        ("repeat", ctypes.c_int),
        ("duration", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("cpu", ctypes.c_uint32),
        ("batch_size", ctypes.c_uint32),
    )


@frozen
class Text:
    """A text of a record: the examined bytes, and VIEW_* flags."""

    data: bytes = b""
    flags: int = 0


@frozen
class Event:
    """An event record as a test makes it.

    Args:
        numbers: value by number word of the event's layout; words that are left out are 0.
        texts: by match view; views that are left out are unknown. The last component of a path
            follows from the path, as adapters have it (unknown where the path was not examined to
            its end), unless its view is given.
        unknown, absent: a bit for each number word.
        time_ns: since boot: what the core takes for the time.
        process: id and start of the process, and of the one that it was forked by; 0 if unknown.
    """

    numbers: Mapping[int, int] = Factory(dict)
    texts: Mapping[int, Text] = Factory(dict)
    unknown: int = 0
    absent: int = 0
    time_ns: int = 0
    process: tuple[int, ...] = (0, 0, 0, 0)


@frozen
class Verdict:
    """What the core made of a record.

    Args:
        actions: ACT_* of all matched rules.
        errno: of a denial, 0 without one.
        rules: (local rule index, whether partial) of the rules that alert, in the record's order.
        more: alerting rules that did not fit in that list.
    """

    actions: int
    errno: int
    rules: tuple[tuple[int, bool], ...]
    more: int


class CoreRunner:
    """A policy's core in the running kernel.

    Args:
        artifact: compiled with `testing=True`.
        layout: what the compilation said about it.
        capabilities: what rules are carried out as if the machine offered; None for everything.

    Raises:
        SensorError: the kernel refused a program, or a rule has no form under `capabilities`.
    """

    def __init__(
        self,
        artifact: Artifact,
        layout: SlotLayout,
        capabilities: Sequence[Capability] | None = None,
    ) -> None:
        known = everything(artifact) if capabilities is None else capabilities
        self.forms: tuple[ChosenForm, ...] = choose_forms(artifact.manifest.rules, "linux", known)
        self.layout = layout
        self._judges = {judge.event: judge for judge in layout.judges}
        source, self.instructions = _load(artifact, layout)
        self._loaded = LinuxLoaded(1, artifact, self.forms, Unit(1, 1, (), (), source))
        try:
            fill(self._loaded, SharedMaps())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "CoreRunner":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def judge(self, event: str, made: Event, stage: int = record.STAGE_AFTER) -> Verdict:
        """Have an event judged.

        Args:
            event: catalogue name of an event that the policy has rules on.
            made: the record.
            stage: STAGE_AFTER or STAGE_BEFORE.

        Returns:
            The verdict.

        Raises:
            ValueError: no such judge, or the record has a text that no adapter would make.
            SensorError: BPFC0713, the kernel did not run the program.
        """
        if event not in self._judges:
            raise ValueError(f"the policy has no rule on {event}")
        judge = self._judges[event]
        scratch = self._loaded.map(SCRATCH_MAP)
        scratch.update(u32(_SLOT), slot_of(made, self.layout, judge))
        returned = self._run(judge.program, _CONTEXT.pack(_SLOT, stage, *made.process))
        if returned == NO_SLOT:
            raise ValueError(f"{judge.program} found no slot {_SLOT}")
        return _verdict(returned, scratch.lookup(u32(_SLOT)) or b"")

    def statistics(self) -> tuple[tuple[int, ...], ...]:
        """For each rule of the manifest the numbers of record.RULE_STATS, over all runs."""
        table, rules = self._loaded.map(_STATS_MAP), self._loaded.manifest.rules
        return tuple(_STATS.unpack(table.lookup(u32(at)) or b"") for at in range(len(rules)))

    def set(self, name: str) -> RuntimeSet:
        """A run-time set of the policy.

        Args:
            name: its name.

        Raises:
            ValueError: there is none of that name.
        """
        known = {info.name: info for info in self._loaded.manifest.sets}
        if name not in known:
            raise ValueError(f"the policy has no set {name}")
        info = known[name]
        elements, head = (MapTable(self._loaded.map(one)) for one in (info.map, info.head))
        # The map `secret` of a test is left as it is made: zeros.
        tables = Tables(elements, head, (0, 0), False, lambda: 0)
        return RuntimeSet(info, lambda: tables)

    def close(self) -> None:
        """Unload; a second call does nothing."""
        unload(self._loaded.unit, SharedMaps())

    def _run(self, program: str, context: bytes) -> int:
        options = _RunOptions(sz=ctypes.sizeof(_RunOptions), ctx_in=context)
        options.ctx_size_in = len(context)
        result = self._loaded.object.test_run(program, ctypes.byref(options))
        if result < 0:
            raise SensorError(
                "BPFC0713",
                f"the kernel does not run {program}: {os.strerror(-result)}",
                "run as root on Linux 5.10 or newer",
            )
        return int(options.retval)


def everything(artifact: Artifact) -> tuple[Capability, ...]:
    """A machine that offers all that an artifact's rules ask for.

    Args:
        artifact: the artifact.

    Returns:
        Its capabilities; each rule is then carried out in its first form.
    """
    rules = artifact.manifest.rules
    needs = {
        need for rule in rules for at in rule.linux for form in at.forms for need in form.needs
    }
    return tuple(Capability(name, True, "assumed by a test", "") for name in sorted(needs))


def _load(artifact: Artifact, layout: SlotLayout) -> tuple[BpfObject, dict[str, int]]:
    """The judging programs and the policy's own maps; also verified instructions by program."""
    source = BpfObject(artifact.linux)
    try:
        source.choose(frozenset(judge.program for judge in layout.judges))
        instructions = source.load()
    except LoadFailure as failure:
        source.close()
        rules, lines = artifact.manifest.rules, line_places(artifact.linux)
        raise load_error(failure, rules, lines) from None
    except BaseException:
        source.close()
        raise
    source.forget_logs()
    return source, instructions


def slot_of(made: Event, layout: SlotLayout, judge: Judge) -> bytes:
    """A scratch slot with a record in it.

    Args:
        made: the record.
        layout: places in the slot.
        judge: the program that will read it.

    Returns:
        The map entry.

    Raises:
        ValueError: a text is longer than what is examined, or the texts together than the window.
    """
    slot = bytearray(layout.size)
    for name in ("unknown", "absent", "time_ns"):
        field = record.HEADER[name]
        struct.pack_into(f"<{_SIZES[field.size]}", slot, field.offset, getattr(made, name))
    for index, value in made.numbers.items():
        place = record.NUMBERS_OFFSET + 8 * index
        struct.pack_into("<Q", slot, place, value & (1 << 64) - 1)
    limits = dict(judge.limits)
    for view, (text, at) in _placed(made.texts, layout).items():
        # A longer text would be examined in part only, which no adapter lets happen.
        if len(text.data) > limits.get(view, layout.text_size):
            raise ValueError(f"view {view}: {len(text.data)} bytes, more than {limits[view]}")
        place = layout.views + layout.view_size * view
        _VIEW.pack_into(slot, place, at, len(text.data), text.flags, 0)
        if text.data:
            slot[layout.text + at : layout.text + at + len(text.data)] = text.data
    return bytes(slot)


def _placed(texts: Mapping[int, Text], layout: SlotLayout) -> dict[int, tuple[Text, int]]:
    """All match views: each one's text, and where it stands in the window."""
    placed: dict[int, tuple[Text, int]] = {}
    position = 0
    for view in range(layout.view_count):
        whole = placed.get(view - layout.parts)
        if view in texts or whole is None:
            text = texts.get(view, Text(flags=record.VIEW_UNKNOWN))
            placed[view] = (text, position)
            position += len(text.data)
        else:
            placed[view] = _last_component(*whole)
    if position > layout.text_size:
        raise ValueError(f"{position} bytes of text, more than {layout.text_size}")
    return placed


def _last_component(text: Text, at: int) -> tuple[Text, int]:
    """The view of a path's last component, within the path's own bytes."""
    if text.flags & record.VIEW_TRUNCATED:
        return Text(flags=record.VIEW_UNKNOWN), 0
    name = text.data.rpartition(b"/")[2]
    return Text(name, text.flags), at + len(text.data) - len(name)


def _verdict(returned: int, slot: bytes) -> Verdict:
    def header(name: str) -> int:
        field = record.HEADER[name]
        return int.from_bytes(slot[field.offset : field.offset + field.size], "little")

    entries = struct.unpack_from(f"<{header('rule_count')}I", slot, record.RULES_OFFSET)
    return Verdict(
        actions=returned & 0xFF,
        errno=returned >> 16,
        rules=tuple(
            (entry & ~record.RULE_PARTIAL, bool(entry & record.RULE_PARTIAL)) for entry in entries
        ),
        more=header("rules_more"),
    )
