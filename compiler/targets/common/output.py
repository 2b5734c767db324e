"""Alert records: header, texts and the write into the ring buffer."""

from bpfc.artifact import control, record
from compiler.emit import scratch
from compiler.emit.core import symbol
from compiler.emit.function import Function
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.plan.model import EventPlan
from compiler.targets.common.platform import Platform
from compiler.targets.common.slots import count

RECORD_TEXT_MASK = 32 * 1024 - 1


def emit_output(unit: Unit, platform: Platform, events: tuple[EventPlan, ...]) -> None:
    """Emit `alert_E(slot, verdict)` for each event: complete its record and send it.

    Args:
        unit: the half's module.
        platform: the system.
        events: the events that can alert.
    """
    _stamp(unit)
    _send(unit, platform)
    for event in events:
        _alert(unit, platform, event)


def _stamp(unit: Unit) -> None:
    """`stamp(slot)`: time, CPU, sequence number and generation."""
    fn = unit.function("stamp", "slot", inline=True)
    slot = fn.lookup("scratch", fn.argument())
    cpu = fn.helper("get_smp_processor_id") & 0xFFFFFFFF
    slot.at(scratch.header("time_ns")).store(fn.helper("ktime_get_boot_ns"))
    slot.at(scratch.header("cpu")).store(cpu, 4)
    policy = fn.lookup(control.POLICY_MAP, 0)
    buffer = (slot.at(scratch.word("buffer")).load() & (control.BUFFERS - 1)) << 2
    generation = policy.at(buffer).at(control.POLICY_GENERATIONS).load(4)
    slot.at(scratch.header("generation")).store(generation, 4)
    records = fn.lookup(control.COUNTERS_MAP, control.COUNTERS.index("records"))
    number = records.load() + 1
    records.store(number)
    slot.at(scratch.header("sequence")).store((cpu << 48) | (number & ((1 << 48) - 1)))
    fn.ret(0)


def _send(unit: Unit, platform: Platform) -> None:
    """`send(slot)`: the finished record into the ring."""
    fn = unit.function("send", "slot", inline=True)
    slot = fn.lookup("scratch", fn.argument())
    text = slot.at(scratch.word("out")).load().masked(RECORD_TEXT_MASK)
    length = text + record.TEXT_OFFSET
    slot.at(scratch.header("length")).store(length, 4)
    ring = fn.map(control.EVENTS_MAP)
    failed = fn.helper(
        "ringbuf_output", ring, slot.at(scratch.RECORD), platform.ring_length(length), 0
    )
    with fn.when((failed & 0xFFFFFFFF).ne(0)):
        count(fn, "ring_full")
    fn.ret(0)


def _alert(unit: Unit, platform: Platform, event: EventPlan) -> None:
    fn = unit.function(f"alert_{symbol(event.layout.event)}", "slot", "verdict")
    slot = fn.lookup("scratch", fn.argument())
    _header(slot, event, fn.argument(1))
    fn.call("stamp", fn.argument())
    _texts(fn, slot, platform, event)
    fn.call("send", fn.argument())
    fn.ret(0)


def _header(slot: Ptr, event: EventPlan, verdict: Int) -> None:
    digest = event.layout.digest
    constants = {
        "kind": record.KIND_ALERT,
        "version": record.RECORD_VERSION,
        "layout": digest - (1 << 64) if digest >> 63 else digest,
        "event": event.layout.number,
        "flags": 0,
    }
    for name, value in constants.items():
        slot.at(scratch.header(name)).store(value, record.HEADER[name].size)
    slot.at(scratch.header("stage")).store(slot.at(scratch.word("stage")).load(), 1)
    slot.at(scratch.header("actions")).store(verdict & 0xFF, 1)
    slot.at(scratch.header("errno")).store((verdict >> 16) & 0xFFFF, 2)


def _texts(fn: Function, slot: Ptr, platform: Platform, event: EventPlan) -> None:
    """Texts stand behind the steps of sequences, which the core has written."""
    steps = slot.at(scratch.header("steps")).load(4) if platform.layout.carry.steps else 0
    slot.at(scratch.word("out")).store(steps)
    for view in sorted({t.view for t in event.layout.texts}):
        fn.call("pack_text", fn.argument(), view)
