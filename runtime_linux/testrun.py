"""For tests: events judged by a policy's own core in the running kernel.

An artifact compiled with `testing=True` has judging programs only; nothing is attached and no map
is shared.
"""

import ctypes
import os
import struct
from collections.abc import Sequence

from bpfc.artifact.container import Artifact
from bpfc.artifact.control import SCRATCH_MAP
from bpfc.artifact.lines import line_places
from bpfc.artifact.testing import CONTEXT_SIZE, NO_SLOT, Judge, SlotLayout
from bpfc.runtime.errors import SensorError
from bpfc.runtime.judging import SLOT, CoreRunner
from bpfc.runtime.platform import Capability
from runtime_linux.diagnostics import load_error
from runtime_linux.loaded import LinuxLoaded, LinuxUnit
from runtime_linux.loader import fill, unload
from runtime_linux.maps import u32
from runtime_linux.objects import BpfObject, LoadFailure
from runtime_linux.shared import SharedMaps
from runtime_linux.tables import MapTable

_CONTEXT = struct.Struct("<6Q")
assert _CONTEXT.size == CONTEXT_SIZE


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


class KernelRunner(CoreRunner):
    """A policy's core in the running kernel.

    Args:
        artifact: compiled with `testing=True`.
        capabilities: what rules are carried out as if the machine offered; None for everything.

    Raises:
        SensorError: the kernel refused a program, or a rule has no form under `capabilities`.
    """

    def __init__(
        self, artifact: Artifact, capabilities: Sequence[Capability] | None = None
    ) -> None:
        super().__init__(artifact, "linux", capabilities)
        self._open()

    def _open(self) -> None:
        artifact, self.buffer = self.artifact, 0
        source, self.instructions = _load(artifact, self.layout)
        unit = LinuxUnit(1, 1, (), (), source)
        self._loaded = LinuxLoaded(1, artifact, self.half, self.forms, unit)
        try:
            fill(self._loaded, SharedMaps())
        except BaseException:
            self.close()
            raise

    def reset(self) -> None:
        """Forget everything: the policy is loaded once more."""
        self.close()
        self._open()

    def close(self) -> None:
        """Unload; a second call does nothing."""
        unload(self._loaded.unit, SharedMaps())

    def _run(self, judge: Judge, words: Sequence[int], slot: bytearray) -> tuple[int, bytes]:
        scratch = self._loaded.map(SCRATCH_MAP)
        scratch.update(u32(SLOT), bytes(slot))
        returned = self._test_run(judge.program, _CONTEXT.pack(SLOT, *words))
        if returned == NO_SLOT:
            raise ValueError(f"{judge.program} found no slot {SLOT}")
        return returned, scratch.lookup(u32(SLOT)) or b""

    def _table(self, name: str) -> MapTable:
        return MapTable(self._loaded.map(name))

    def _test_run(self, program: str, context: bytes) -> int:
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
