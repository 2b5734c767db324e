"""`bpfc.compile`: rules to an artifact in one call, for programs that use bpfc as a library.

The one edge of the house that goes up: the compiler is imported when it is asked for.
"""

from os import fspath
from pathlib import Path
from typing import Any

from bpfc.artifact.container import Artifact
from bpfc.own import check_own

# What only the extra bpfc[compiler] brings.
_EXTRA = ("lark", "llvmlite")


class CompileError(Exception):
    """The rules have errors.

    Args:
        diagnostics: all findings in source order, errors and warnings: values with `code`,
            `severity`, `message`, `remedy` and `span`.
    """

    def __init__(self, diagnostics: tuple[Any, ...]) -> None:
        super().__init__(diagnostics)
        self.diagnostics = diagnostics

    def __str__(self) -> str:
        return "\n".join(
            f"{d.span.file}:{d.span.line}: {d.severity} {d.code}: {d.message}"
            for d in self.diagnostics
        )


def compile_files(*paths: str | Path, allow_partial: bool = False) -> Artifact:
    """Compile the files of one policy.

    Args:
        paths: rule files.
        allow_partial: leave out, instead of refusing, rules that Linux cannot carry.

    Returns:
        The artifact; its `data` is the file that `bpfc compile` would write.

    Raises:
        CompileError: the rules have errors.
        ImportError: the compiler's extra is not installed, or another package shadows ours.
        OSError: a file cannot be read.
    """
    compile_sources = _compiler()
    sources = [(fspath(path), Path(path).read_bytes()) for path in paths]
    result = compile_sources(
        sources, allow_partial=allow_partial, load=lambda name: Path(name).read_bytes()
    )
    if result.artifact is None:
        raise CompileError(result.diagnostics)
    artifact: Artifact = result.artifact
    return artifact


def _compiler() -> Any:
    """The driver's function, after a look at whose package that is."""
    check_own("compiler", "dsl")
    try:
        from compiler.driver import compile_sources
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA:
            raise
        raise ModuleNotFoundError(
            f"compiling needs the package {missing}, which is not installed: "
            'pip install "bpfc[compiler]"',
            name=error.name,
        ) from None
    return compile_sources
