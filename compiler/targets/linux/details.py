"""What Linux adapters read about a process only for policies that use it.

A function for each group of fields; a field that the policy does not use is not read. All take a
scratch slot; the address of the subject's task_struct stands in the word `task`. Where a structure
is gone already (a process that ends has no memory any more) its fields are unknown.
"""

from collections.abc import Mapping

from compiler.emit import scratch
from compiler.emit.function import Function
from compiler.emit.unit import Unit
from compiler.emit.values import Bit, Int, Ptr
from compiler.targets.common.groups import Group
from compiler.targets.common.platform import Platform
from compiler.targets.linux.context import COMM_SIZE, Place, kernel_text
from compiler.targets.linux.kernel import address, exists, read, read_address, read_chain

NAME_SIZE = 256  # NAME_MAX + 1, include/uapi/linux/limits.h
# enum pid_type, include/linux/pid.h: places in signal_struct.pids.
PIDTYPE_PGID, PIDTYPE_SID = 2, 3
UPID_SIZE = 16  # struct upid: int nr, struct pid_namespace *ns
LEVEL_MASK = 31  # MAX_PID_NS_LEVEL is 32, include/linux/pid_namespace.h
UNSET = 0xFFFFFFFF  # AUDIT_UID_UNSET, AUDIT_SID_UNSET, include/uapi/linux/audit.h
# include/uapi/linux/stat.h
S_IFMT, S_IFIFO, S_IFCHR, S_IFDIR, S_IFBLK, S_IFREG, S_IFSOCK = (
    0o170000,
    0o010000,
    0o020000,
    0o040000,
    0o060000,
    0o100000,
    0o140000,
)
PERMISSIONS = 0o7777
MINOR_BITS = 20  # MINORBITS, include/linux/kdev_t.h
# Major numbers of terminals, Documentation/admin-guide/devices.txt: tty and ttyS, tty and console,
# eight of pts, ttyACM, ttyUSB, ttyAMA and the like, hvc.
TTY_MAJORS = (4, 5, *range(136, 144), 166, 188, 204, 229)
# The catalogue's constants of proc.stdin.
FILE, DIRECTORY, TTY, DEVICE, PIPE, SOCKET, OTHER = range(1, 8)
DESCRIPTOR_KINDS = {
    S_IFREG: FILE,
    S_IFDIR: DIRECTORY,
    S_IFCHR: DEVICE,
    S_IFBLK: DEVICE,
    S_IFIFO: PIPE,
    S_IFSOCK: SOCKET,
}
DESCRIPTORS = ("proc.stdin", "proc.stdout", "proc.stderr")

CREDENTIALS = {
    "proc.egid": "cred.egid.val",
    "proc.suid": "cred.suid.val",
    "proc.sgid": "cred.sgid.val",
    "proc.fsuid": "cred.fsuid.val",
    "proc.fsgid": "cred.fsgid.val",
}
CAPABILITIES = {
    "proc.caps.effective": "cred.cap_effective",
    "proc.caps.permitted": "cred.cap_permitted",
    "proc.caps.inheritable": "cred.cap_inheritable",
    "proc.caps.bounding": "cred.cap_bset",
    "proc.caps.ambient": "cred.cap_ambient",
}
PARENT_CREDENTIALS = {
    "proc.parent.uid": "cred.uid.val",
    "proc.parent.gid": "cred.gid.val",
    "proc.parent.euid": "cred.euid.val",
}
LOGIN = {
    "proc.loginuid": "task_struct.loginuid.val",
    "proc.login_session": "task_struct.sessionid",
}
# Members of struct nsproxy that point to a namespace, and the inode number in that.
NAMESPACES = {
    "proc.ns.mnt": ("nsproxy.mnt_ns", "mnt_namespace.ns.inum"),
    "proc.ns.net": ("nsproxy.net_ns", "net.ns.inum"),
    "proc.ns.uts": ("nsproxy.uts_ns", "uts_namespace.ns.inum"),
    "proc.ns.ipc": ("nsproxy.ipc_ns", "ipc_namespace.ns.inum"),
    "proc.ns.cgroup": ("nsproxy.cgroup_ns", "cgroup_namespace.ns.inum"),
}
EXE_FILE = {
    "proc.exe.file.device",
    "proc.exe.file.inode",
    "proc.exe.file.owner",
    "proc.exe.file.group",
    "proc.exe.file.mode",
    "proc.exe.file.kind",
    "proc.exe.deleted",
}

DETAILS = (
    Group("ctx_numbers", ("proc.tid", "proc.vpid", "proc.pgid", "proc.session_id")),
    Group("ctx_login", tuple(LOGIN)),
    Group("ctx_cgroup_name", ("proc.cgroup.name",)),
    Group("ctx_more_cred", (*CREDENTIALS, *CAPABILITIES)),
    Group("ctx_namespaces", ("proc.ns.pid", "proc.ns.user", *NAMESPACES)),
    Group("ctx_descriptors", DESCRIPTORS),
    Group("ctx_exe_file", tuple(sorted(EXE_FILE))),
    Group("ctx_parent", (*PARENT_CREDENTIALS, "proc.parent.comm")),
)


class Details:
    """Emits the reading functions of DETAILS.

    Args:
        unit: the half's module.
        platform: the system.
        views: text view by catalogue name.
        numbers: number index by catalogue name.
    """

    def __init__(
        self, unit: Unit, platform: Platform, views: Mapping[str, int], numbers: Mapping[str, int]
    ) -> None:
        self.unit, self.layout = unit, platform.layout
        self.views, self.numbers = views, numbers

    def emit(self, groups: tuple[Group, ...]) -> None:
        """Emit the functions of the groups in use."""
        emitters = {
            "ctx_numbers": self._ids,
            "ctx_login": self._login,
            "ctx_cgroup_name": self._cgroup_name,
            "ctx_more_cred": self._credentials,
            "ctx_namespaces": self._namespaces,
            "ctx_descriptors": self._descriptors,
            "ctx_exe_file": self._exe_file,
            "ctx_parent": self._parent,
        }
        for group in groups:
            if group.function in emitters:
                fn = self.unit.function(group.function, "slot")
                slot = fn.lookup("scratch", fn.argument())
                emitters[group.function](fn, slot, slot.at(scratch.word("task")).load())
                fn.ret(0)

    # ------------------------------------------------------------------ writing

    def _put(self, slot: Ptr, field: str, value: Int) -> None:
        """Write a number, if the record has room for it."""
        if field in self.numbers:
            slot.at(scratch.number(self.numbers[field])).store(value)

    def _mark(self, slot: Ptr, word: str, fields: tuple[str, ...], condition: Bit) -> None:
        """Set the bits of numbers in the header word `unknown` or `absent` if something holds."""
        bits = sum(1 << self.numbers[field] for field in fields if field in self.numbers)
        place = slot.at(scratch.header(word))
        place.store(place.load() | condition.select(bits, 0))

    def _used(self, *fields: str) -> bool:
        return any(field in self.numbers for field in fields)

    # ------------------------------------------------------------------ ids

    def _ids(self, fn: Function, slot: Ptr, task: Int) -> None:
        """Ids of the thread, the process in its own namespace, its group and its session."""
        if self._used("proc.tid"):
            self._put(slot, "proc.tid", read(fn, task, "task_struct.pid"))
        if self._used("proc.vpid"):
            innermost = self._innermost(fn, task)
            self._put(slot, "proc.vpid", read(fn, innermost, "upid.nr"))
        places = {"proc.pgid": PIDTYPE_PGID, "proc.session_id": PIDTYPE_SID}
        signal = read(fn, task, "task_struct.signal") if self._used(*places) else fn.const(0)
        for field, place in places.items():
            if self._used(field):
                pid = read_address(fn, address(fn, signal, "signal_struct.pids") + 8 * place, 8)
                number = read(fn, address(fn, pid, "pid.numbers"), "upid.nr")
                self._put(slot, field, number)
                self._mark(slot, "unknown", (field,), pid.eq(0))

    @staticmethod
    def _innermost(fn: Function, task: Int) -> Int:
        """Address of the struct upid that a process has in its own pid namespace."""
        pid = read_chain(fn, task, "task_struct.group_leader", "task_struct.thread_pid")
        level = read(fn, pid, "pid.level") & LEVEL_MASK
        return address(fn, pid, "pid.numbers") + level * UPID_SIZE

    def _login(self, fn: Function, slot: Ptr, task: Int) -> None:
        """What the audit system knows of the login; a kernel without it knows of none."""
        for field, member in LOGIN.items():
            if self._used(field):
                value = fn.variable(UNSET)
                with fn.when(exists(fn, member).ne(0)):
                    value.set(read(fn, task, member))
                self._put(slot, field, value.get())
                self._mark(slot, "absent", (field,), value.get().eq(UNSET))

    def _credentials(self, fn: Function, slot: Ptr, task: Int) -> None:
        """Further ids and capabilities; a set of capabilities is 64 bits on every kernel."""
        cred = read(fn, task, "task_struct.cred")
        for field, member in CREDENTIALS.items():
            if self._used(field):
                self._put(slot, field, read(fn, cred, member))
        for field, member in CAPABILITIES.items():
            if self._used(field):
                self._put(slot, field, read_address(fn, address(fn, cred, member), 8))

    def _parent(self, fn: Function, slot: Ptr, task: Int) -> None:
        """Credentials and name of the parent, as they are now."""
        parent = read_chain(
            fn,
            task,
            "task_struct.group_leader",
            "task_struct.real_parent",
            "task_struct.group_leader",
        )
        if self._used(*PARENT_CREDENTIALS):
            cred = read(fn, parent, "task_struct.cred")
            for field, member in PARENT_CREDENTIALS.items():
                if self._used(field):
                    self._put(slot, field, read(fn, cred, member))
        if "proc.parent.comm" in self.views:
            at = address(fn, parent, "task_struct.comm")
            place = Place(self.views["proc.parent.comm"], scratch.PARENT_COMM_AT, COMM_SIZE)
            kernel_text(fn, slot, self.layout, place, at)

    def _cgroup_name(self, fn: Function, slot: Ptr, task: Int) -> None:
        at = read_chain(
            fn, task, "task_struct.cgroups", "css_set.dfl_cgrp", "cgroup.kn", "kernfs_node.name"
        )
        place = Place(self.views["proc.cgroup.name"], scratch.CGROUP_NAME_AT, NAME_SIZE)
        kernel_text(fn, slot, self.layout, place, at)

    # ------------------------------------------------------------------ namespaces

    def _namespaces(self, fn: Function, slot: Ptr, task: Int) -> None:
        """Inode numbers; none is 0, which is what cannot be read gives."""
        if self._used("proc.ns.pid"):
            space = read(fn, self._innermost(fn, task), "upid.ns")
            self._namespace(slot, "proc.ns.pid", read(fn, space, "pid_namespace.ns.inum"))
        if self._used("proc.ns.user"):
            space = read_chain(fn, task, "task_struct.cred", "cred.user_ns")
            self._namespace(slot, "proc.ns.user", read(fn, space, "user_namespace.ns.inum"))
        if self._used(*NAMESPACES):
            proxy = read(fn, task, "task_struct.nsproxy")
            for field, (member, number) in NAMESPACES.items():
                if self._used(field):
                    self._namespace(slot, field, read_chain(fn, proxy, member, number))

    def _namespace(self, slot: Ptr, field: str, number: Int) -> None:
        self._put(slot, field, number)
        self._mark(slot, "unknown", (field,), number.eq(0))

    # ------------------------------------------------------------------ files

    def _descriptors(self, fn: Function, slot: Ptr, task: Int) -> None:
        """What the first three descriptors are; a table has room for 64 at least."""
        table = read_chain(fn, task, "task_struct.files", "files_struct.fdt", "fdtable.fd")
        self._mark(slot, "unknown", DESCRIPTORS, table.eq(0))
        for number, field in enumerate(DESCRIPTORS):
            if self._used(field):
                file = read_address(fn, table + 8 * number, 8)
                inode = read(fn, file, "file.f_inode")
                self._put(slot, field, self._descriptor(fn, inode))
                self._mark(slot, "absent", (field,), table.ne(0) & file.eq(0))

    @staticmethod
    def _descriptor(fn: Function, inode: Int) -> Int:
        kind = read(fn, inode, "inode.i_mode") & S_IFMT
        found = fn.variable(OTHER)
        for bits, meaning in DESCRIPTOR_KINDS.items():
            with fn.when(kind.eq(bits)):
                found.set(meaning)
        major = read(fn, inode, "inode.i_rdev") >> MINOR_BITS
        with fn.when(kind.eq(S_IFCHR)):
            for number in TTY_MAJORS:
                with fn.when(major.eq(number)):
                    found.set(TTY)
        return found.get()

    def _exe_file(self, fn: Function, slot: Ptr, task: Int) -> None:
        """The program's file: the one that an exec names, else the one that is mapped."""
        file = fn.variable(slot.at(scratch.word("file")).load())
        with fn.when(file.get().eq(0)):
            file.set(read_chain(fn, task, "task_struct.mm", "mm_struct.exe_file"))
        inode = read(fn, file.get(), "file.f_inode")
        self._mark(slot, "unknown", tuple(EXE_FILE), inode.eq(0))
        mode = read(fn, inode, "inode.i_mode")
        device = read_chain(fn, inode, "inode.i_sb", "super_block.s_dev")
        self._put(slot, "proc.exe.file.device", device)
        self._put(slot, "proc.exe.file.inode", read(fn, inode, "inode.i_ino"))
        self._put(slot, "proc.exe.file.owner", read(fn, inode, "inode.i_uid.val"))
        self._put(slot, "proc.exe.file.group", read(fn, inode, "inode.i_gid.val"))
        self._put(slot, "proc.exe.file.mode", mode & PERMISSIONS)
        self._put(slot, "proc.exe.file.kind", mode & S_IFMT)
        self._put(slot, "proc.exe.deleted", read(fn, inode, "inode.i_nlink").eq(0).to_int())
