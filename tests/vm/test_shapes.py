"""Policies of many shapes, verified on every kernel: older verifiers see fewer bounds than newer
ones."""

import json
from pathlib import Path

import pytest

from bpfc_cli.vm.machine import Machine
from compiler.driver import compile_sources

BUDGET = 250_000  # a quarter of the kernel's limit of verified instructions
SHAPES = {
    "one port": "rule a { on net.connect when remote.port == 22 alert }",
    "three ports": "rule a { on net.connect when remote.port in [22, 1000, 2000] deny }",
    "twenty ports": "rule a { on net.connect when remote.port in ["
    + ", ".join(str(1000 + 3 * n) for n in range(20))
    + "] alert }",
    "networks": "rule a { on net.connect when remote.ip in [10.0.0.0/8, 192.168.0.0/16, ::1,"
    " 2001:db8::/32, 172.16.0.0/12] and net.protocol == tcp deny }",
    "exit codes": "rule a { on process.exit when exit.code in [1..3, 7] alert }",
    "ten rules": "\n".join(
        f'rule a{n} {{ on process.exec when proc.uid == {n} and proc.exe.name == "n{n}" alert }}'
        for n in range(10)
    ),
    "hundred rules": "\n".join(
        f'rule a{n} {{ on process.fork when proc.exe.path == "/opt/{n}" or proc.gid > {n} alert }}'
        for n in range(100)
    ),
    "arguments": 'rule a { on process.exec when proc.argv any startswith ["-x", "--y"]'
    ' and not proc.cmdline contains ["one", "two"] nocase'
    ' except when proc.parent.cmdline endswith "make" deny EACCES on unknown else kill }',
    "every event": "rule a { on process.exec or process.exit or process.fork or net.connect"
    ' when proc.parent.exe.path under "/srv" and proc.tty exists alert }',
}
GUEST = """
import json, sys
from bpfc.artifact.container import load_artifact
from bpfc.runtime.errors import SensorError
from runtime_linux.platform import LinuxPlatform

found = {}
platform = LinuxPlatform()
for path in sys.argv[1:]:
    try:
        # Not only verified: also compiled by the kernel, and entered behind the dispatchers.
        loaded = platform.load(load_artifact(path))
        found[path] = max(p.instructions for p in loaded.programs)
        platform.retire(loaded)
    except SensorError as error:
        found[path] = str(error)
platform.close()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def artifacts() -> dict[str, bytes]:
    """Every shape, compiled."""
    made = {}
    for name, rules in SHAPES.items():
        text = f'policy "shapes" version "1" language 1\n{rules}\n'
        artifact = compile_sources([("shapes.det", text)]).artifact
        assert artifact is not None, name
        made["/tmp/" + name.replace(" ", "-")] = artifact.data
    return made


def test_every_shape_can_be_loaded(
    machine: Machine, artifacts: dict[str, bytes], tmp_path: Path
) -> None:
    done = machine.run(["python3", "-c", GUEST, *artifacts], files=artifacts, timeout=240)
    assert done.exit_code == 0, done.stderr
    refused = {k: v for k, v in json.loads(done.stdout).items() if not isinstance(v, int)}
    assert refused == {}
    assert {k: v for k, v in json.loads(done.stdout).items() if v > BUDGET} == {}
