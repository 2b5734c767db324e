"""The flip: one system call on memory that was prepared before."""

import ctypes
import os
import struct
from collections.abc import Callable

from bpfc.artifact.control import (
    CONTROL_LATCHING,
    CONTROL_SIZE,
    CONTROL_WORD,
)
from bpfc.runtime.errors import SensorError
from runtime_linux import syscalls

_BPF_MAP_UPDATE_ELEM = 2  # enum bpf_cmd


class Switch:
    """Writes the control map.

    Args:
        control: descriptor of the control map; it stays the caller's.
    """

    def __init__(self, control: int) -> None:
        self._key = ctypes.create_string_buffer(4)
        self._value = ctypes.create_string_buffer(CONTROL_SIZE)
        # union bpf_attr for map elements: u32 map_fd, padding, u64 key, u64 value, u64 flags
        addresses = (ctypes.addressof(self._key), ctypes.addressof(self._value))
        attributes = struct.pack("<I4xQQQ", control, *addresses, 0)
        self._attributes = ctypes.create_string_buffer(attributes, len(attributes))
        self._word = ctypes.c_uint64.from_buffer(self._value, CONTROL_WORD)
        self._call = self._prepared()
        self.word = 0

    def _prepared(self) -> Callable[[], int]:
        function = ctypes.CDLL(None, use_errno=True).syscall
        function.restype = ctypes.c_long
        function.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint32)
        number, address, size = (
            syscalls.bpf_number(),
            ctypes.addressof(self._attributes),
            len(self._attributes),
        )
        return lambda: int(function(number, _BPF_MAP_UPDATE_ELEM, address, size))

    def latch(self) -> None:
        """From the next `write` on, dispatchers of an exec's second hook look for a latch."""
        self._value[CONTROL_LATCHING] = b"\1"

    def write(self, word: int) -> None:
        """Make a control word the one that dispatchers read.

        Args:
            word: from `control.control_word`.

        Raises:
            SensorError: BPFC0713; the old one stays.
        """
        self._word.value = word
        if self._call() < 0:
            self._word.value = self.word
            text = os.strerror(ctypes.get_errno())
            raise SensorError("BPFC0713", f"cannot write the control word: {text}", "")
        self.word = word
