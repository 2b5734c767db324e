"""bpfc: compile detection rules to eBPF, and run what comes out.

The public names are handed out on first use, so that importing this costs nothing and an agent host
needs neither the parser nor LLVM.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bpfc.version import __version__

if TYPE_CHECKING:
    from bpfc.artifact.alert import Alert
    from bpfc.artifact.container import Artifact, load_artifact, open_artifact
    from bpfc.artifact.errors import ArtifactError
    from bpfc.compiling import CompileError
    from bpfc.compiling import compile_files as compile
    from bpfc.runtime.errors import SensorError
    from bpfc.runtime.sensor import Sensor

__all__ = [
    "Alert",
    "Artifact",
    "ArtifactError",
    "CompileError",
    "Sensor",
    "SensorError",
    "__version__",
    "compile",
    "load_artifact",
    "open_artifact",
]

# Where each name lives: a module, and behind a colon its name there if that differs.
_HOMES = {
    "Alert": "bpfc.artifact.alert",
    "Artifact": "bpfc.artifact.container",
    "ArtifactError": "bpfc.artifact.errors",
    "CompileError": "bpfc.compiling",
    "Sensor": "bpfc.runtime.sensor",
    "SensorError": "bpfc.runtime.errors",
    "compile": "bpfc.compiling:compile_files",
    "load_artifact": "bpfc.artifact.container",
    "open_artifact": "bpfc.artifact.container",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'bpfc' has no attribute {name!r}")
    home, _, attribute = _HOMES[name].partition(":")
    value = getattr(import_module(home), attribute or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})
