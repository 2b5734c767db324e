"""One BPF object of libbpf: opened from memory, its programs chosen, loaded, attached."""

import ctypes
import os
import re
from collections.abc import Callable, Collection

from attrs import define

from bpfc.artifact.objects import DATA_MAP
from bpfc.runtime.errors import SensorError
from runtime_linux.library import captured, libbpf
from runtime_linux.maps import Map

BPF_LOG_LEVEL1 = 1  # include/linux/bpf_verifier.h: instructions and source lines
BPF_LOG_STATS = 4  # "processed N insns ..."
STATS_LOG_BYTES = 1 << 16
FULL_LOG_BYTES = (1 << 24) - 1  # the most that every kernel from 5.10 takes

_FAILED_PROGRAM = re.compile(r"prog '([^']+)': (?:BPF program load failed|failed to load)")
_PROCESSED = re.compile(r"processed (\d+) insns")


class _OpenOptions(ctypes.Structure):
    """The first members of struct bpf_object_open_opts; `sz` says how many there are."""

    _fields_ = (("sz", ctypes.c_size_t), ("object_name", ctypes.c_char_p))


class LoadFailure(Exception):
    """libbpf or the kernel refused an object.

    Args:
        number: errno.
        program: the program that was refused, or "" if it was something else.
        log: the verifier's log of that program.
        messages: what libbpf said.
    """

    def __init__(self, number: int, program: str, log: str, messages: tuple[str, ...]) -> None:
        super().__init__(number, program)
        self.number = number
        self.program = program
        self.log = log
        self.messages = messages


@define
class Link:
    """An attached program; it detaches when the link is destroyed or the process ends."""

    pointer: int | None

    def destroy(self) -> None:
        """Detach; a second call does nothing."""
        if self.pointer is not None:
            libbpf().bpf_link__destroy(self.pointer)
            self.pointer = None


class BpfObject:
    """An object file as libbpf holds it.

    Args:
        data: the ELF file.
        name: for the kernel's lists of maps and programs.

    Raises:
        SensorError: BPFC0704, libbpf cannot read it.
    """

    def __init__(self, data: bytes, name: str = "bpfc") -> None:
        library = libbpf()
        options = _OpenOptions(ctypes.sizeof(_OpenOptions), name.encode())
        with captured() as messages:
            self._pointer = library.bpf_object__open_mem(data, len(data), ctypes.byref(options))
            number = ctypes.get_errno()
        if not self._pointer:
            said = "; ".join(messages) or os.strerror(number)
            raise SensorError(
                "BPFC0704", f"libbpf cannot read the object: {said}", "compile the rules again"
            )
        self.programs = self._named(library.bpf_object__next_program, library.bpf_program__name)
        self.maps = self._named(library.bpf_object__next_map, library.bpf_map__name)
        self._logs: dict[str, ctypes.Array[ctypes.c_char]] = {}

    def _named(
        self, following: Callable[..., int | None], name: Callable[[int], bytes]
    ) -> dict[str, int]:
        found: dict[str, int] = {}
        pointer = following(self._pointer, None)
        while pointer:
            found[name(pointer).decode().removeprefix(DATA_MAP)] = pointer
            pointer = following(self._pointer, pointer)
        return found

    def choose(self, names: Collection[str], full_log: str = "") -> None:
        """Say which programs `load` loads.

        Args:
            names: these and no others.
            full_log: program whose whole verifier log is wanted.
        """
        library = libbpf()
        for name, pointer in self.programs.items():
            library.bpf_program__set_autoload(pointer, name in names)
            if name not in names:
                continue
            full = name == full_log
            log = ctypes.create_string_buffer(FULL_LOG_BYTES if full else STATS_LOG_BYTES)
            self._logs[name] = log
            library.bpf_program__set_log_buf(pointer, log, len(log))
            level = BPF_LOG_STATS | (BPF_LOG_LEVEL1 if full else 0)
            library.bpf_program__set_log_level(pointer, level)

    def resize(self, name: str, entries: int) -> None:
        """Set a map's size before `load`.

        Args:
            name: the map.
            entries: its max_entries.
        """
        libbpf().bpf_map__set_max_entries(self.maps[name], entries)

    def reuse(self, name: str, fd: int) -> None:
        """Use a map that exists instead of making one.

        Args:
            name: the map.
            fd: descriptor of the one to use; it stays the caller's.

        Raises:
            SensorError: BPFC0709.
        """
        result = libbpf().bpf_map__reuse_fd(self.maps[name], fd)
        if result < 0:
            message = f"the map {name} cannot be shared: {os.strerror(-result)}"
            raise SensorError("BPFC0709", message, "stop the sensor and start it again")

    def load(self) -> dict[str, int]:
        """Make the maps and load the chosen programs.

        Returns:
            Verified instructions by program.

        Raises:
            LoadFailure: nothing was loaded.
        """
        with captured() as messages:
            result = libbpf().bpf_object__load(self._pointer)
        if result < 0:
            named = next((m for m in map(_FAILED_PROGRAM.search, messages) if m), None)
            program = named.group(1) if named else ""
            raise LoadFailure(-result, program, self.log(program), tuple(messages))
        return {name: _instructions(self.log(name)) for name in self._logs}

    def log(self, program: str) -> str:
        """The verifier's log of a chosen program, "" if there is none."""
        log = self._logs.get(program)
        return log.value.decode(errors="replace") if log is not None else ""

    def forget_logs(self) -> None:
        """Give the log buffers' memory back; only after `load`."""
        for name in self._logs:
            libbpf().bpf_program__set_log_buf(self.programs[name], None, 0)
        self._logs.clear()

    def program_fd(self, name: str) -> int:
        """Descriptor of a loaded program; it stays the object's."""
        return int(libbpf().bpf_program__fd(self.programs[name]))

    def test_run(self, program: str, options: object) -> int:
        """Run a loaded program once by BPF_PROG_TEST_RUN.

        Args:
            program: its name.
            options: reference to a struct bpf_test_run_opts, which takes the result.

        Returns:
            0, or a negative errno.
        """
        return int(libbpf().bpf_prog_test_run_opts(self.program_fd(program), options))

    def map_shape(self, name: str) -> tuple[int, int, int, int]:
        """Type number, key size, value size and max_entries of a map."""
        library, pointer = libbpf(), self.maps[name]
        return (
            int(library.bpf_map__type(pointer)),
            int(library.bpf_map__key_size(pointer)),
            int(library.bpf_map__value_size(pointer)),
            int(library.bpf_map__max_entries(pointer)),
        )

    def map(self, name: str, cpus: int = 1) -> Map:
        """A loaded map; its descriptor stays the object's.

        Args:
            name: the map.
            cpus: possible CPUs for a per-CPU map, else 1.
        """
        _, key, value, entries = self.map_shape(name)
        return Map(name, int(libbpf().bpf_map__fd(self.maps[name])), key, value, entries, cpus)

    def attach(self, program: str, cgroup: int | None = None) -> Link:
        """Attach a loaded program where its section says.

        Args:
            program: its name.
            cgroup: descriptor of the cgroup, for a cgroup program.

        Returns:
            The link, for the caller to destroy; it outlives the object.

        Raises:
            SensorError: BPFC0707.
        """
        library, pointer = libbpf(), self.programs[program]
        with captured() as messages:
            if cgroup is None:
                link = library.bpf_program__attach(pointer)
            else:
                link = library.bpf_program__attach_cgroup(pointer, cgroup)
            number = ctypes.get_errno()
        if not link:
            said = "; ".join(messages) or os.strerror(number)
            raise SensorError(
                "BPFC0707",
                f"{program} cannot be attached: {said}",
                "`bpfc doctor` shows what this machine offers",
            )
        return Link(link)

    def close(self) -> None:
        """Unload; programs that are attached or in a PROG_ARRAY live on there."""
        if self._pointer:
            libbpf().bpf_object__close(self._pointer)
            self._pointer = None
            self._logs.clear()


def _instructions(log: str) -> int:
    found = _PROCESSED.findall(log)
    return int(found[-1]) if found else 0
