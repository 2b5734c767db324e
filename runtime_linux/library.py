"""Finding libbpf and describing its functions to ctypes; capturing what it would print.

libbpf prints warnings to stderr. Here they are collected for the thread that made the call, so that
they can become one diagnostic.
"""

import ctypes
import functools
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, c_bool, c_char_p, c_int, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

from bpfc.runtime.errors import SensorError

SONAME = "libbpf.so.1"
OLDEST = (1, 1)
DEBUG_LEVEL = 2  # enum libbpf_print_level: LIBBPF_WARN 0, LIBBPF_INFO 1, LIBBPF_DEBUG 2

# How distributions (ID or ID_LIKE of /etc/os-release) install it.
INSTALL = {
    "debian": "apt-get install libbpf1",
    "ubuntu": "apt-get install libbpf1",
    "fedora": "dnf install libbpf",
    "rhel": "dnf install libbpf",
    "suse": "zypper install libbpf1",
    "arch": "pacman -S libbpf",
    "alpine": "apk add libbpf",
}

# Signatures from bpf/libbpf.h, bpf/bpf.h and bpf/btf.h of libbpf 1.1: result, then arguments.
_PROTOTYPES: dict[str, tuple[Any, ...]] = {
    "libbpf_major_version": (c_uint32,),
    "libbpf_minor_version": (c_uint32,),
    "libbpf_num_possible_cpus": (c_int,),
    "libbpf_find_vmlinux_btf_id": (c_int, c_char_p, c_int),
    "bpf_object__open_mem": (c_void_p, c_char_p, c_size_t, c_void_p),
    "bpf_object__load": (c_int, c_void_p),
    "bpf_object__close": (None, c_void_p),
    "bpf_object__next_program": (c_void_p, c_void_p, c_void_p),
    "bpf_object__next_map": (c_void_p, c_void_p, c_void_p),
    "bpf_program__name": (c_char_p, c_void_p),
    "bpf_program__set_autoload": (c_int, c_void_p, c_bool),
    "bpf_program__set_log_level": (c_int, c_void_p, c_uint32),
    "bpf_program__set_log_buf": (c_int, c_void_p, c_void_p, c_size_t),
    "bpf_program__fd": (c_int, c_void_p),
    "bpf_program__attach": (c_void_p, c_void_p),
    "bpf_program__attach_cgroup": (c_void_p, c_void_p, c_int),
    "bpf_link__destroy": (c_int, c_void_p),
    "bpf_map__name": (c_char_p, c_void_p),
    "bpf_map__type": (c_int, c_void_p),
    "bpf_map__fd": (c_int, c_void_p),
    "bpf_map__key_size": (c_uint32, c_void_p),
    "bpf_map__value_size": (c_uint32, c_void_p),
    "bpf_map__max_entries": (c_uint32, c_void_p),
    "bpf_map__set_max_entries": (c_int, c_void_p, c_uint32),
    "bpf_map__reuse_fd": (c_int, c_void_p, c_int),
    "bpf_map_lookup_elem": (c_int, c_int, c_void_p, c_void_p),
    "bpf_map_update_elem": (c_int, c_int, c_void_p, c_void_p, c_uint64),
    "bpf_map_delete_elem": (c_int, c_int, c_void_p),
    "bpf_map_get_next_key": (c_int, c_int, c_void_p, c_void_p),
    "bpf_map_update_batch": (c_int, c_int, c_void_p, c_void_p, POINTER(c_uint32), c_void_p),
    "bpf_map_delete_batch": (c_int, c_int, c_void_p, POINTER(c_uint32), c_void_p),
    "bpf_map_lookup_batch": (
        c_int,
        c_int,
        c_void_p,
        c_void_p,
        c_void_p,
        c_void_p,
        POINTER(c_uint32),
        c_void_p,
    ),
    "bpf_prog_test_run_opts": (c_int, c_int, c_void_p),
    "bpf_obj_get_info_by_fd": (c_int, c_int, c_void_p, POINTER(c_uint32)),
}

_PRINT = ctypes.CFUNCTYPE(c_int, c_int, c_char_p, c_void_p)
_MESSAGE_MAX = 1 << 16
_thread = threading.local()


def install_hint() -> str:
    """How to install libbpf on this distribution, one sentence."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    for name in (release.get("ID", ""), *release.get("ID_LIKE", "").split()):
        for known, command in INSTALL.items():
            if name == known or name.startswith(known):
                return f"run `{command}` as root"
    return "install libbpf 1.1 or newer with the system's package manager"


@functools.cache
def libbpf() -> ctypes.CDLL:
    """The library, loaded once.

    Returns:
        A CDLL whose functions have their types.

    Raises:
        SensorError: BPFC0701, it is missing; BPFC0702, it is older than 1.1.
    """
    try:
        library = ctypes.CDLL(SONAME, use_errno=True)
    except OSError:
        message = f"{SONAME} is not installed, which loads programs into the kernel"
        raise SensorError("BPFC0701", message, install_hint()) from None
    version = (library.libbpf_major_version(), library.libbpf_minor_version())
    if version < OLDEST:
        message = f"libbpf {version[0]}.{version[1]} is too old: 1.1 or newer is needed"
        raise SensorError("BPFC0702", message, install_hint())
    for name, (result, *arguments) in _PROTOTYPES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    library.libbpf_set_print.restype = c_void_p
    library.libbpf_set_print(_callback)
    return library


@contextmanager
def captured() -> Iterator[list[str]]:
    """Collect what libbpf says in this thread.

    Yields:
        The list that grows while the block runs: one warning or information each.
    """
    before = getattr(_thread, "messages", None)
    messages: list[str] = []
    _thread.messages = messages
    try:
        yield messages
    finally:
        _thread.messages = before


@functools.cache
def _vsnprintf() -> Any:
    function = ctypes.CDLL(None).vsnprintf
    function.restype, function.argtypes = c_int, [c_void_p, c_size_t, c_char_p, c_void_p]
    return function


# A va_list arrives as a pointer on x86-64 (an array of one) and on AArch64 (a large structure),
# so it can be handed on as one.
def _print(level: int, form: bytes, arguments: int) -> int:
    messages = getattr(_thread, "messages", None)
    if messages is None or level >= DEBUG_LEVEL:
        return 0
    buffer = ctypes.create_string_buffer(_MESSAGE_MAX)
    _vsnprintf()(buffer, _MESSAGE_MAX, form, arguments)
    messages.append(buffer.value.decode(errors="replace").rstrip("\n"))
    return 0


_callback = _PRINT(_print)  # libbpf keeps the pointer, so this has to stay
