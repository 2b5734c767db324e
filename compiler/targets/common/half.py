"""One platform's half before code generation: a module and what the manifest says of it."""

from attrs import frozen

from bpfc.artifact.manifest import MapInfo, ProgramInfo


@frozen
class HalfModule:
    """A half as the driver takes it on.

    Args:
        assembly: LLVM assembly of dispatchers, adapters and maps (the core is a module of its own).
        programs: its programs.
        maps: its maps.
    """

    assembly: str
    programs: tuple[ProgramInfo, ...]
    maps: tuple[MapInfo, ...]
