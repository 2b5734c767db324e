"""A module imports only what its row of the table allows."""

from graphlib import TopologicalSorter

import pytest

from tests.house.table import PACKAGES, ROOT, TABLE, module_name, modules, violations


def test_every_module_keeps_to_the_table() -> None:
    found = [
        line
        for path in modules()
        for line in violations(
            path.read_text("utf-8"), module_name(path), path.name == "__init__.py"
        )
    ]
    assert not found, "\n".join(found)


def test_no_unit_is_both_above_and_below_another() -> None:
    order = list(TopologicalSorter({unit: row.units for unit, row in TABLE.items()}).static_order())
    assert set(order) == set(TABLE)
    assert order.index("dsl") < order.index("compiler") < order.index("bpfc_cli")


def test_the_packages_are_all_there() -> None:
    assert modules()
    for name in PACKAGES:
        assert (ROOT / name / "__init__.py").is_file()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("dsl.checker", "import compiler.plan"),
        ("dsl.checker", "from bpfc.artifact import manifest"),
        ("dsl.checker", "def f() -> None:\n    import llvmlite"),
        ("bpfc.abi.hooks", "import attrs"),
        ("bpfc.artifact.codec", "from dsl.span import Span"),
        ("bpfc.runtime.sensor", "from .. import abi"),
        ("bpfc.runtime.sensor", "import importlib\nimportlib.import_module('compiler.driver')"),
        ("bpfc.sensor", "import compiler"),
        ("compiler.driver", "import bpfc.runtime.sensor"),
        ("compiler.driver", "from bpfc import Sensor"),
        ("compiler.driver", "import rich"),
        ("runtime_linux.platform", "from compiler.plan.model import Plan"),
        ("bpfc_cli.main", "import lark"),
    ],
)
def test_a_forbidden_import_is_found(module: str, source: str) -> None:
    assert violations(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "dsl.checker",
            "import lark, attrs, re\nfrom dsl.span import Span\nfrom .span import Span",
        ),
        ("compiler.driver", "from dsl import typed\nfrom bpfc.abi.hooks import HOOKS"),
        ("compiler.driver", "from bpfc.version import __version__"),
        ("bpfc.api", "def compile() -> None:\n    import compiler.driver"),
        ("bpfc_cli.main", "import typer, dsl, compiler, bpfc, runtime_linux.platform"),
    ],
)
def test_an_allowed_import_passes(module: str, source: str) -> None:
    assert violations(source, module) == []
