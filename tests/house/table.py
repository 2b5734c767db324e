"""Who may import whom: design section 1 as data, and the reader of a module's imports.

A unit is a folder of the table; a module belongs to the longest unit that its name begins with.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[2]
PACKAGES = ("bpfc", "bpfc_cli", "compiler", "dsl", "runtime_linux")


@frozen
class Row:
    """What a unit may import besides itself and the standard library.

    Args:
        units: other units of this project.
        lazy: units that only code inside a function may import.
        packages: top-level names of other distributions.
    """

    units: frozenset[str] = frozenset()
    lazy: frozenset[str] = frozenset()
    packages: frozenset[str] = frozenset()


def _row(units: str = "", packages: str = "", lazy: str = "") -> Row:
    """A row from space-separated names; `bpfc.version` is a leaf that everyone may read."""
    return Row(
        frozenset([*units.split(), "bpfc.version"]),
        frozenset(lazy.split()),
        frozenset(packages.split()),
    )


TABLE = {
    "dsl": _row(packages="lark attr attrs"),
    "bpfc.version": Row(),
    "bpfc.abi": Row(),
    "bpfc.artifact": _row(packages="attr attrs elftools"),
    "bpfc.userspace": _row("bpfc.artifact", "attr attrs pefile"),
    "bpfc.runtime": _row("bpfc.artifact bpfc.userspace", "attr attrs"),
    "bpfc.recording": _row("bpfc.artifact bpfc.runtime bpfc.userspace", "attr attrs"),
    "compiler": _row("dsl bpfc.abi bpfc.artifact", "attr attrs elftools llvmlite"),
    "bpfc.simulator": _row("bpfc.abi bpfc.artifact bpfc.runtime bpfc.userspace", "attr attrs"),
    "runtime_linux": _row("bpfc.abi bpfc.runtime bpfc.artifact bpfc.userspace", "attr attrs"),
    # The public names. The one edge that goes up: the compiler, when it is asked for.
    "bpfc": _row("bpfc.runtime bpfc.artifact", lazy="compiler"),
    # Translates for the command line; needs an extra of its own.
    "bpfc_cli.importing": _row("compiler dsl", "attr attrs lark sigma yaml"),
    "bpfc_cli": _row(
        "bpfc bpfc.abi bpfc.artifact bpfc.recording bpfc.runtime bpfc.simulator bpfc.userspace "
        "bpfc_cli.importing compiler dsl runtime_linux",
        "attr attrs rich typer",
    ),
}


@frozen
class Import:
    """One import found in a module: the dotted name, its line, and whether it is in a function."""

    name: str
    line: int
    lazy: bool


def unit_of(module: str) -> str | None:
    """The unit a dotted name belongs to, or None if it is not of this project."""
    fitting = [unit for unit in TABLE if module == unit or module.startswith(unit + ".")]
    return max(fitting, key=len, default=None)


def module_name(path: Path) -> str:
    """Dotted name of a module, from its path below the project's root."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _targets(node: ast.AST, package: str) -> Iterator[str]:
    """Dotted names that one statement or call imports."""
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            base = package.split(".")[: len(package.split(".")) - level + 1] if level else []
            full = ".".join([*base, *([module] if module else [])])
            yield from (f"{full}.{alias.name}" for alias in names)
        case ast.Call(
            func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(name)), *_],
        ):
            yield name


def imports_of(source: str, module: str, is_package: bool) -> list[Import]:
    """Every import in a module's text, those inside functions and `import_module("x")` included.

    Args:
        source: the text.
        module: its dotted name, for relative imports.
        is_package: whether the text is a package's `__init__.py`.

    Returns:
        The imports in source order of the tree walk.
    """
    package = module if is_package else module.rpartition(".")[0]
    found: list[Import] = []

    def walk(node: ast.AST, lazy: bool) -> None:
        for name in _targets(node, package):
            found.append(Import(name, getattr(node, "lineno", 0), lazy))
        inside = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            walk(child, inside)

    walk(ast.parse(source), False)
    return found


def violations(source: str, module: str, is_package: bool = False) -> list[str]:
    """Imports of a module's text that the table does not allow, one sentence each."""
    unit = unit_of(module)
    assert unit is not None, f"{module} stands in no row of the table"
    row = TABLE[unit]
    wrong = []
    for item in imports_of(source, module, is_package):
        target = unit_of(item.name)
        top = item.name.partition(".")[0]
        if target is not None:
            allowed = target == unit or target in row.units or (item.lazy and target in row.lazy)
        else:
            allowed = top in sys.stdlib_module_names or top in row.packages
        if not allowed:
            wrong.append(f"{module}:{item.line} imports {item.name}: {unit} may not")
    return wrong


def modules() -> list[Path]:
    """Every Python module of the packages."""
    return sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
