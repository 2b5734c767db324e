"""The `newc` cpio format, which a kernel unpacks as its first root (kernel: buffer-format.rst).

Written here rather than by cpio so that device nodes and root's ownership need no rights.
"""

from attrs import frozen

S_IFREG, S_IFDIR, S_IFCHR, S_IFLNK = 0o100000, 0o040000, 0o020000, 0o120000
CONSOLE = (5, 1)  # Documentation/admin-guide/devices.txt
ALIGN = 4


@frozen
class Member:
    """One entry of an archive.

    Args:
        name: path without a leading slash.
        mode: kind and permission bits.
        data: contents, or a link's target.
        device: major and minor number of a device node.
    """

    name: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def directory(name: str) -> Member:
    """A folder that everyone can read."""
    return Member(name, S_IFDIR | 0o755)


def regular(name: str, data: bytes, mode: int = 0o644) -> Member:
    """A file."""
    return Member(name, S_IFREG | mode, data)


def console(name: str) -> Member:
    """The node of the system's console, which the kernel opens for the first process."""
    return Member(name, S_IFCHR | 0o600, device=CONSOLE)


def cpio(members: list[Member]) -> bytes:
    """An archive, all of it owned by root and from 1970.

    Args:
        members: in order, folders before what they hold.

    Returns:
        The archive's bytes.
    """
    parts = [_entry(number, member) for number, member in enumerate(members, 1)]
    return b"".join([*parts, _entry(0, Member("TRAILER!!!", 0))])


def _entry(inode: int, member: Member) -> bytes:
    """One header, its name and its data, each padded."""
    name = member.name.encode() + b"\0"
    links = 2 if member.mode & S_IFDIR else 1
    numbers = (
        inode, member.mode, 0, 0, links, 0, len(member.data), 0, 0, *member.device, len(name), 0,
    )  # fmt: skip
    header = b"070701" + b"".join(b"%08X" % number for number in numbers)
    return _padded(header + name) + _padded(member.data)


def _padded(data: bytes) -> bytes:
    """Data filled up with zeros."""
    return data + bytes(-len(data) % ALIGN)
