"""Kernel structures as far as adapters read them, and reading them with CO-RE.

Each fragment names only the members that are read; libbpf finds their real places in the running
kernel's BTF. Sources: fs/mount.h and, in include/linux, sched.h, sched/signal.h, mm_types.h, fs.h,
dcache.h, mount.h, binfmts.h, cred.h, tty.h, cgroup-defs.h, pid.h, nsproxy.h, ns_common.h,
fdtable.h; kernels 5.10 to 7.2.
"""

from compiler.emit.function import Function
from compiler.emit.unit import Struct
from compiler.emit.values import Int, Ptr

NAMESPACES = ("mnt", "pid", "user", "uts", "ipc", "cgroup")

STRUCTS = {
    s.name: s
    for s in (
        Struct(
            "task_struct",
            (
                ("tgid", 4),
                ("pid", 4),
                ("real_parent", "ptr"),
                ("group_leader", "ptr"),
                ("mm", "ptr"),
                ("signal", "ptr"),
                ("cred", "ptr"),
                ("files", "ptr"),
                ("nsproxy", "ptr"),
                ("thread_pid", "ptr"),
                ("loginuid", "kuid_t"),
                ("sessionid", 4),
                ("cgroups", "ptr"),
                ("start_boottime", 8),
                ("exit_code", 4),
                ("comm", ("chars", 16)),
            ),
        ),
        Struct("mm_struct", (("arg_start", 8), ("arg_end", 8), ("exe_file", "ptr"))),
        Struct("atomic_t", (("counter", 4),)),
        Struct(
            "signal_struct", (("live", "atomic_t"), ("tty", "ptr"), ("pids", ("array", "ptr", 4)))
        ),
        Struct("upid", (("nr", 4), ("ns", "ptr"))),
        Struct("pid", (("level", 4), ("numbers", ("array", "upid", 1)))),
        Struct("tty_struct", (("name", ("chars", 64)),)),
        Struct("kuid_t", (("val", 4),)),
        Struct("kgid_t", (("val", 4),)),
        Struct("kernel_cap_t", (("val", 8),)),
        Struct(
            "cred",
            (
                *((name, "kuid_t") for name in ("uid", "suid", "euid", "fsuid")),
                *((name, "kgid_t") for name in ("gid", "sgid", "egid", "fsgid")),
                *(
                    (f"cap_{name}", "kernel_cap_t")
                    for name in ("effective", "permitted", "inheritable", "bset", "ambient")
                ),
                ("user_ns", "ptr"),
            ),
        ),
        Struct("ns_common", (("inum", 4),)),
        Struct(
            "nsproxy",
            tuple((f"{name}_ns", "ptr") for name in ("uts", "ipc", "mnt", "net", "cgroup")),
        ),
        *(Struct(f"{name}_namespace", (("ns", "ns_common"),)) for name in NAMESPACES),
        Struct("net", (("ns", "ns_common"),)),
        Struct("files_struct", (("fdt", "ptr"),)),
        Struct("fdtable", (("fd", "ptr"),)),
        Struct("path", (("mnt", "ptr"), ("dentry", "ptr"))),
        Struct("file", (("f_path", "path"), ("f_inode", "ptr"))),
        Struct("qstr", (("len", 4), ("name", "ptr"))),
        Struct("dentry", (("d_parent", "ptr"), ("d_name", "qstr"))),
        Struct("vfsmount", (("mnt_root", "ptr"), ("mnt_flags", 4))),
        Struct("mount", (("mnt_parent", "ptr"), ("mnt_mountpoint", "ptr"), ("mnt", "vfsmount"))),
        Struct("super_block", (("s_dev", 4),)),
        Struct(
            "inode",
            (
                ("i_mode", 2),
                ("i_uid", "kuid_t"),
                ("i_gid", "kgid_t"),
                ("i_nlink", 4),
                ("i_rdev", 4),
                ("i_ino", 8),
                ("i_sb", "ptr"),
            ),
        ),
        Struct(
            "linux_binprm",
            (("file", "ptr"), ("filename", "ptr"), ("interp", "ptr"), ("buf", ("chars", 2))),
        ),
        Struct("css_set", (("dfl_cgrp", "ptr"),)),
        Struct("cgroup", (("kn", "ptr"),)),
        Struct("kernfs_node", (("id", 8), ("name", "ptr"))),
    )
}

MNT_INTERNAL = 0x4000  # include/linux/mount.h: a mount no namespace can see


def address(fn: Function, base: Int, member: str) -> Int:
    """Address of "struct.member[.member]" of the structure at `base`."""
    struct, path = member.split(".", 1)
    return fn.member_address(base, STRUCTS[struct], path, STRUCTS)


def _size(member: str) -> int:
    struct, *path = member.split(".")
    kind: object = struct
    for part in path:
        kind = dict(STRUCTS[str(kind)].members)[part]
    if isinstance(kind, tuple):
        return int(kind[1])
    return 8 if kind == "ptr" else int(str(kind))


def read(fn: Function, base: Int, member: str) -> Int:
    """Read an integer or pointer member; 0 where the memory cannot be read (a null pointer on the
    way)."""
    return read_address(fn, address(fn, base, member), _size(member))


def read_address(fn: Function, at: Int, size: int) -> Int:
    """Read an integer or pointer at an address; 0 where the memory cannot be read."""
    place = fn.transient()
    place.store(0)
    fn.helper("probe_read_kernel", place, size, at)
    return place.load(size)


def exists(fn: Function, member: str) -> Int:
    """1 if the running kernel has "struct.member[.member]", else 0."""
    struct, path = member.split(".", 1)
    return fn.member_exists(STRUCTS[struct], path, STRUCTS)


def read_chain(fn: Function, base: Int, *members: str) -> Int:
    """Follow pointers: each member is read from where the one before points to."""
    for member in members:
        base = read(fn, base, member)
    return base


def read_bytes(fn: Function, target: Ptr, size: Int | int, source: Int) -> Int:
    """Copy kernel memory; returns 0 or a negative error."""
    return fn.helper("probe_read_kernel", target, size, source)
