"""Objects of both halves: LLVM's part of a compilation, kept in memory by shape.

On a machine with several processors the second half is generated in a forked child at the same
time: LLVM is most of what a compilation costs, and llvmlite runs one call at a time in a process.
"""

import os
import pickle
import threading
from functools import lru_cache
from hashlib import sha256

from attrs import frozen

from compiler import codegen
from compiler.elf import core_digest, read_elf, strip_debug

KEPT = 64  # objects of about 100 KiB each


@frozen
class CoreModule:
    """The core, one module for both halves: its assembly and the names of its functions."""

    assembly: str
    functions: tuple[str, ...]


@frozen
class HalfObject:
    """A half's object before lines are put in, with hash and size of the core in it, and its own
    hash."""

    data: bytes
    core_hash: str
    core_size: int
    code_hash: str


@lru_cache(maxsize=KEPT)
def generate(core: CoreModule, assemblies: tuple[str, ...]) -> tuple[HalfObject, ...]:
    """Generate the objects of one policy shape.

    It depends on the shape only, never on a literal, so an editor, a test run or a compilation
    after an edited literal finds the objects in memory.

    Args:
        core: the core.
        assemblies: the module of each half.

    Returns:
        The objects in the same order.

    Raises:
        CodegenError: a module is not valid, or calls what is not there; a defect of the compiler.
    """
    first, *others = assemblies
    common = codegen.optimise(core.assembly)
    child = _Child(core, common, others[0]) if len(others) == 1 and _may_fork() else None
    made = [_one(core, common, first)]
    for assembly in others:
        made.append((child.result() if child else None) or _one(core, common, assembly))
    return tuple(made)


def _one(core: CoreModule, common: bytes, assembly: str) -> HalfObject:
    """Generate one object, the core first; `common` is the core, optimised."""
    modules = [common, codegen.optimise(assembly)]
    data = strip_debug(codegen.emit_object(modules))
    symbols = read_elf(data).symbols
    codegen.check_symbols(symbols)
    size = max(s.value + s.size for s in symbols if s.name in core.functions)
    return HalfObject(data, core_digest(data, size), size, sha256(data).hexdigest())


def _may_fork() -> bool:
    """Whether a forked child is safe (no other thread can hold a lock) and gains anything."""
    return hasattr(os, "fork") and threading.active_count() == 1 and (os.cpu_count() or 1) > 1


class _Child:
    """A forked child that generates one object."""

    def __init__(self, core: CoreModule, common: bytes, assembly: str) -> None:
        self._reader, writer = os.pipe()
        self._id = os.fork()
        if self._id == 0:
            # Nothing of the parent's may run here: no exit handlers, no flushing of its files.
            try:
                os.close(self._reader)
                with os.fdopen(writer, "wb") as file:
                    pickle.dump(_one(core, common, assembly), file)
            finally:
                os._exit(0)
        os.close(writer)

    def result(self) -> HalfObject | None:
        """The object, or None if the child did not make it; then the caller tries and gets the
        error."""
        with os.fdopen(self._reader, "rb") as file:
            data = file.read()
        os.waitpid(self._id, 0)
        try:
            made = pickle.loads(data)
        except (EOFError, pickle.UnpicklingError):
            return None
        return made if isinstance(made, HalfObject) else None
