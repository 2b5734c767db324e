"""The path of the running program: a walk over dentries and mounts up to the mount namespace's
root.

The path is written from its end backwards into the text window. One function makes one step, so
that the verifier sees its code once; it works on every kernel, also where bpf_d_path is not
allowed.
"""

from bpfc.artifact import record
from compiler.emit import scratch
from compiler.emit.function import Function
from compiler.emit.scratch import PARENT_EXE_AT as _NEXT_AREA
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.plan.model import PART_VIEWS
from compiler.targets.common.groups import set_view
from compiler.targets.common.platform import Platform
from compiler.targets.common.slots import count
from compiler.targets.linux.kernel import MNT_INTERNAL, address, read, read_bytes, read_chain

STRIDE = 16  # steps that one call of the walk makes
STRIDES = 12  # so a path has at most 192 components and mounts
NAME_MASK = 255  # NAME_MAX, include/uapi/linux/limits.h
assert scratch.EXE_END + NAME_MASK < _NEXT_AREA


def emit_path(unit: Unit, platform: Platform, view: int, memory: int) -> None:
    """Emit `walk_step(slot)`, `walk(slot)` and `exe_path(slot)`.

    `exe_path` takes the program's file from the word `file`, fills the view of proc.exe.path and
    of its last component, the words device and inode's place in the process copy, and the number
    proc.exe.in_memory.

    Args:
        unit: the half's module.
        platform: the system.
        view: text view of proc.exe.path.
        memory: number index of proc.exe.in_memory.
    """
    _step(unit, platform)
    _stride(unit)
    _exe_path(unit, view, memory)


def _step(unit: Unit, platform: Platform) -> None:
    fn = unit.function("walk_step", "slot")
    slot = fn.lookup("scratch", fn.argument(), 1)
    dentry = slot.at(scratch.word("walk_dentry")).load()
    mount = slot.at(scratch.word("walk_mount")).load()
    parent = read(fn, dentry, "dentry.d_parent")
    root = read(fn, mount, "vfsmount.mnt_root")
    with fn.when(dentry.eq(root)):
        fn.ret(_leave_mount(fn, slot, mount))
    with fn.when(dentry.eq(0)):
        fn.ret(1)
    length = read(fn, dentry, "dentry.d_name.len") & NAME_MASK
    name = read(fn, dentry, "dentry.d_name.name")
    _prepend(fn, slot, platform, length, name)
    # A dentry that is its own parent is the file itself where it has no place in a tree (memfd).
    with fn.when(parent.eq(dentry)):
        fn.ret(1)
    slot.at(scratch.word("walk_dentry")).store(parent)
    fn.ret(0)


def _stride(unit: Unit) -> None:
    """`walk(slot)`: STRIDE steps; returns 1 at the end of the walk."""
    fn = unit.function("walk", "slot")
    fn.ret(fn.straight_calls("walk_step", fn.argument(), STRIDE))


def _leave_mount(fn: Function, slot: Ptr, mount: Int) -> Int:
    """From a mount's root to where it is mounted; 1 at the root of the namespace."""
    inside = address(fn, fn.const(0), "mount.mnt")
    whole = mount - inside
    above = read(fn, whole, "mount.mnt_parent")
    slot.at(scratch.word("walk_dentry")).store(read(fn, whole, "mount.mnt_mountpoint"))
    slot.at(scratch.word("walk_mount")).store(above + inside)
    return above.eq(whole).to_int()


def _prepend(fn: Function, slot: Ptr, platform: Platform, length: Int, name: Int) -> None:
    place = slot.at(scratch.word("walk_position"))
    position = place.load() - length
    with fn.when(position.le(scratch.EXE_AT)):
        # More than 4 KiB: exe_path sees it by the position.
        place.store(0)
        fn.ret(1)
    last = slot.at(scratch.word("walk_name"))
    with fn.when(last.load().eq(0)):
        last.store(length)
    text = slot.at(position.masked(platform.layout.text_mask)).at(platform.layout.text)
    read_bytes(fn, text, length.masked(NAME_MASK), name)
    slot.at((position - 1).masked(platform.layout.text_mask)).at(platform.layout.text).store(
        ord("/"), 1
    )
    place.store(position - 1)


def _exe_path(unit: Unit, view: int, memory: int) -> None:
    fn = unit.function("exe_path", "slot")
    slot = fn.lookup("scratch", fn.argument())
    file = slot.at(scratch.word("file")).load()
    _file_facts(fn, slot, file, memory)
    slot.at(scratch.word("walk_dentry")).store(read(fn, file, "file.f_path.dentry"))
    slot.at(scratch.word("walk_mount")).store(read(fn, file, "file.f_path.mnt"))
    slot.at(scratch.word("walk_position")).store(scratch.EXE_END)
    slot.at(scratch.word("walk_name")).store(0)
    finished = fn.straight_calls("walk", fn.argument(), STRIDES)
    start = slot.at(scratch.word("walk_position")).load()
    name = slot.at(scratch.word("walk_name")).load()
    readable = finished.ne(0) & start.ge(scratch.EXE_AT) & start.lt(scratch.EXE_END)
    with fn.when(readable) as otherwise:
        _describe(slot, view, start, fn.const(scratch.EXE_END) - start, 0)
        _describe(slot, view + PART_VIEWS, fn.const(scratch.EXE_END) - name, name, 0)
        otherwise()
        count(fn, "path_too_long")
        set_view(slot, view, 0, 0, record.VIEW_UNKNOWN)
        set_view(slot, view + PART_VIEWS, 0, 0, record.VIEW_UNKNOWN)
        slot.at(scratch.word("walk_name")).store(0)
    fn.ret(0)


def _describe(slot: Ptr, view: int, start: Int, length: Int, flags: int) -> None:
    place = slot.at(scratch.view(view))
    place.store(start, 4)
    place.at(4).store(length, 4)
    place.at(8).store(flags, 4)


def _file_facts(fn: Function, slot: Ptr, file: Int, memory: int) -> None:
    """Whether the file exists in memory only: unlinked, on a mount that no namespace can see."""
    inode = read(fn, file, "file.f_inode")
    links = read(fn, inode, "inode.i_nlink")
    flags = read_chain(fn, file, "file.f_path.mnt", "vfsmount.mnt_flags")
    hidden = (flags & MNT_INTERNAL).ne(0) & links.eq(0)
    slot.at(scratch.number(memory)).store(hidden.to_int())
    slot.at(scratch.word("inode")).store(read(fn, inode, "inode.i_ino"))
    slot.at(scratch.word("device")).store(read_chain(fn, inode, "inode.i_sb", "super_block.s_dev"))
