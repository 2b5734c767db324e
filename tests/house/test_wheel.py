"""The wheel is complete, and each of its extras works alone in an empty environment."""

import json
import os
import zipfile
from pathlib import Path

import pytest

from tests.house.environments import build_wheel, install, run
from tests.house.table import PACKAGES, ROOT

FIRST = ROOT / "examples" / "first.det"
# Where another project looks for what we bring for it, in folders called plugin.
PLUGINS = ("sigma/backends/bpfc.py", "sigma/pipelines/bpfc.py")
HEAVY = ("lark", "llvmlite", "typer", "rich")
FIND = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Commands of an environment with the base alone."""
    return install(wheel, "", tmp_path_factory.mktemp("base") / "env")


@pytest.fixture(scope="module")
def cli(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Commands of an environment with the command line."""
    return install(wheel, "cli", tmp_path_factory.mktemp("cli") / "env")


@pytest.fixture(scope="module")
def compiler(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Commands of an environment with the compiler."""
    return install(wheel, "compiler", tmp_path_factory.mktemp("compiler") / "env")


@pytest.fixture(scope="module")
def artifact(compiler: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first example, compiled by the wheel with no compiler (nor anything else) on PATH."""
    folder = tmp_path_factory.mktemp("artifact")
    code = "import bpfc, sys; open('rules.o', 'wb').write(bpfc.compile(sys.argv[1]).data)"
    run([str(compiler / "python"), "-c", code, str(FIRST)], cwd=folder, env={"PATH": ""})
    return folder / "rules.o"


def test_the_wheel_has_every_file_of_the_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    wanted = {
        path.relative_to(ROOT).as_posix()
        for name in PACKAGES
        for path in (ROOT / name).rglob("*")
        if path.is_file() and not {"__pycache__", "plugin"} & set(path.parts)
    }
    assert wanted <= packed
    own = {name for name in packed if "dist-info" not in name and name not in PLUGINS}
    assert {name.partition("/")[0] for name in own} == set(PACKAGES)
    assert packed >= set(PLUGINS)
    assert any(name.endswith("licenses/LICENSE") for name in packed)
    assert "dsl/grammar.json" in packed  # made by the build


def test_the_base_has_what_an_agent_needs_and_no_more(
    base: Path, artifact: Path, tmp_path: Path
) -> None:
    python = str(base / "python")
    assert run([python, "-c", FIND, *HEAVY], cwd=tmp_path).stdout.strip() == "[]"
    code = (
        "import sys, bpfc, bpfc.artifact, bpfc.runtime, runtime_linux.platform\n"
        "from bpfc.runtime.platform import find_platform\n"
        "bpfc.Sensor\n"
        "print(bpfc.load_artifact(sys.argv[1]).manifest.policy, find_platform().name)"
    )
    assert run([python, "-c", code, str(artifact)], cwd=tmp_path).stdout == "first steps linux\n"


def test_the_base_says_in_one_sentence_what_the_command_line_needs(
    base: Path, tmp_path: Path
) -> None:
    done = run([str(base / "bpfc"), "--version"], cwd=tmp_path, code=3)
    assert 'pip install "bpfc[cli]"' in done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) == 1


def test_the_command_line_alone_inspects_and_asks_for_the_compiler(
    cli: Path, artifact: Path, tmp_path: Path
) -> None:
    bpfc = str(cli / "bpfc")
    assert run([bpfc, "--version"], cwd=tmp_path).stdout.startswith("bpfc ")
    shown = json.loads(
        run([bpfc, "inspect", str(artifact), "--format", "json"], cwd=tmp_path).stdout
    )
    assert [rule["name"] for rule in shown["manifest"]["rules"]]
    done = run([bpfc, "compile", str(FIRST), "-o", "x.o"], cwd=tmp_path, code=3)
    assert 'pip install "bpfc[compiler]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_the_compiler_alone_brings_no_command_line(compiler: Path, tmp_path: Path) -> None:
    found = run([str(compiler / "python"), "-c", FIND, *HEAVY], cwd=tmp_path).stdout.strip()
    assert found == "['lark', 'llvmlite']"


def test_sigma_s_plugin_system_finds_backend_and_pipelines(wheel: Path, tmp_path: Path) -> None:
    commands = install(wheel, "import", tmp_path / "env")
    code = (
        "from sigma.plugins import InstalledSigmaPlugins as P\n"
        "found = P.autodiscover()\n"
        "print('bpfc' in found.backends, {'bpfc_linux', 'bpfc_windows'} <= set(found.pipelines))"
    )
    done = run([str(commands / "python"), "-c", code], cwd=tmp_path)
    assert done.stdout == "True True\n"


def test_a_package_that_shadows_ours_is_named(compiler: Path, tmp_path: Path) -> None:
    (tmp_path / "compiler.py").write_text("intruder = True\n")
    environment = dict(os.environ, PYTHONPATH=str(tmp_path))
    code = "import bpfc, sys; bpfc.compile(sys.argv[1])"
    done = run(
        [str(compiler / "python"), "-c", code, str(FIRST)], cwd=tmp_path, env=environment, code=1
    )
    assert str(tmp_path / "compiler.py") in done.stderr.splitlines()[-1]
