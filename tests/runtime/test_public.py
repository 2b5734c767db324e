"""`import bpfc`: names on first use, and a compiler that is ours or a sentence why not."""

import subprocess
import sys
from pathlib import Path

import pytest

import bpfc
from bpfc.runtime.errors import SensorError
from bpfc.runtime.platform import find_platform

ROOT = Path(bpfc.__file__).parents[1]


def _python(code: str, *first: Path) -> subprocess.CompletedProcess[str]:
    path = ":".join(map(str, [*first, ROOT]))
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd="/", env={"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )


def test_importing_it_imports_nothing_heavy() -> None:
    code = "import bpfc, sys; print(sorted(set(sys.modules) & {'attr', 'lark', 'elftools'}))"
    assert _python(code).stdout == "[]\n"


def test_every_public_name_is_there_without_the_compiler() -> None:
    code = (
        "import bpfc, sys\n"
        "[getattr(bpfc, n) for n in bpfc.__all__]\n"
        "print(sorted(set(sys.modules) & {'lark', 'llvmlite', 'compiler', 'dsl'}))"
    )
    done = _python(code)
    assert done.stdout == "[]\n", done.stderr
    assert set(bpfc.__all__) <= set(dir(bpfc))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="sensor_of_doom"):
        bpfc.sensor_of_doom  # noqa: B018


@pytest.mark.parametrize("name", ["compiler", "dsl"])
def test_a_package_that_shadows_ours_is_named(name: str, tmp_path: Path) -> None:
    intruder = tmp_path / f"{name}.py"
    intruder.write_text("")
    done = _python("import bpfc; bpfc.compile('rules.det')", tmp_path)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("bpfc.own.ShadowError") and str(intruder) in last


@pytest.mark.parametrize("name", ["llvmlite", "lark"])
def test_a_missing_extra_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "rules.det").write_text('policy "p" version "1" language 1\n')
    code = (
        "import sys, bpfc, dsl.table\n"
        "dsl.table.STORED = 'none'  # as in a checkout that was never built\n"
        f"sys.modules['{name}'] = None\n"
        f"try: bpfc.compile({str(tmp_path / 'rules.det')!r})\n"
        "except ModuleNotFoundError as error: print(error.name.partition('.')[0], error)"
    )
    done = _python(code)
    assert done.stdout.startswith(f"{name} ") and "pip install" in done.stdout, done.stderr


def test_a_system_without_a_platform_says_so() -> None:
    with pytest.raises(SensorError) as error:
        find_platform(["plan9"])
    assert error.value.code == "BPFC0714"
