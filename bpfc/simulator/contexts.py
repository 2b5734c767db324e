"""Contexts of hooks, byte by byte as `bpfc.abi` lays them out."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address

from bpfc.abi import linux, windows

TCP, UDP = 6, 17
Members = Mapping[str, linux.Member] | Mapping[str, windows.Member]


def connection(
    half: str, address: IPv4Address | IPv6Address, port: int, protocol: int = TCP
) -> bytes:
    """The context of a hook on connections: where a socket is about to connect to.

    Args:
        half: "linux" or "windows".
        address: the other side.
        port: likewise.
        protocol: TCP or UDP.
    """
    four = address.version == 4
    of = linux if half == "linux" else windows
    family = of.AF_INET if four else of.AF_INET6
    values: dict[str, bytes] = {
        f"user_ip{address.version}": address.packed,
        "user_port": port.to_bytes(2, "big"),
        "protocol": protocol.to_bytes(4, "little"),
        "family": family.to_bytes(4, "little"),
    }
    if half == "linux":
        values["user_family"] = values["family"]
        return _filled(linux.SOCK_ADDR, linux.SOCK_ADDR_SIZE, values)
    kind = windows.CONTEXTS[windows.ProgramType.CGROUP_SOCK_ADDR]
    return _filled(kind.members, kind.size, values)


def process(
    operation: int, pid: int, parent: int, command: tuple[int, int] = (0, 0), created: int = 0
) -> bytes:
    """The context of Windows' hook on processes.

    Args:
        operation: windows.PROCESS_CREATE or PROCESS_DELETE.
        pid, parent: the process, and the one that it belongs to.
        command: where its command line begins and ends: addresses in the machine's memory.
        created: when, as a FILETIME.
    """
    kind = windows.CONTEXTS[windows.ProgramType.PROCESS]
    numbers = {
        "command_start": command[0],
        "command_end": command[1],
        "process_id": pid,
        "parent_process_id": parent,
        "creating_process_id": parent,
        "creation_time": created,
        "operation": operation,
    }
    values = {n: v.to_bytes(kind.members[n].size, "little") for n, v in numbers.items()}
    return _filled(kind.members, kind.size, values)


def _filled(members: Members, size: int, values: Mapping[str, bytes]) -> bytes:
    """A structure with some of its members; all others are zeros."""
    found = bytearray(size)
    for name, value in values.items():
        at = members[name].offset
        found[at : at + len(value)] = value
    return bytes(found)
