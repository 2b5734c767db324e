"""Fields that adapters read only for policies that use them: every kernel has what they read."""

import json

from bpfc_cli.vm.machine import Machine
from compiler.driver import compile_sources
from tests.linux.test_details import DETAILS, every_detail

GUEST = """
import json, os, subprocess, sys
from bpfc.artifact.container import load_artifact
from bpfc.runtime.sensor import Sensor
from runtime_linux.platform import LinuxPlatform

with open("/proc/self/loginuid", "w") as login:
    login.write("1234")
program = "/usr/bin/busybox"
with Sensor(LinuxPlatform()) as sensor:
    sensor.activate(load_artifact(sys.argv[1]))
    pid = subprocess.run([program, "true"], stdin=subprocess.PIPE).returncode
    (alert,) = {a.fields["proc.pid"]: a for a in sensor.poll(0)}.values()
status = open("/proc/self/status").read().split("CapEff:")[1].split()[0]
facts = os.stat(program)
print(json.dumps({
    "fields": alert.fields,
    "expected": {
        "proc.tid": alert.fields["proc.pid"],
        "proc.vpid": alert.fields["proc.pid"],
        "proc.pgid": os.getpgid(0),
        "proc.session_id": os.getsid(0),
        "proc.loginuid": 1234,
        "proc.login_session": int(open("/proc/self/sessionid").read()),
        "proc.stdin": "pipe",
        "proc.exe.file.inode": facts.st_ino,
        "proc.exe.file.device": os.major(facts.st_dev) << 20 | os.minor(facts.st_dev),
        "proc.exe.file.kind": "regular",
        "proc.exe.deleted": False,
        "proc.parent.uid": 0,
        "proc.parent.comm": open("/proc/self/comm").read().rstrip("\\n"),
        "proc.parent.argv": open("/proc/self/cmdline").read().split("\\0")[:-1],
        "proc.prev.exe.path": os.readlink("/proc/self/exe"),
        **{f"proc.ns.{name}": os.stat(f"/proc/self/ns/{name}").st_ino
           for name in ("pid", "mnt", "net", "user", "uts", "ipc", "cgroup")},
    },
    "capabilities": bin(int(status, 16)).count("1"),
}))
"""


def test_details(machine: Machine) -> None:
    text = f'policy "details" version "1" language 1\n{every_detail("proc.exe.name == BUSYBOX")}'
    source = text.replace("BUSYBOX", '"busybox"')
    artifact = compile_sources([("details.det", source)]).artifact
    assert artifact is not None
    files = {"/tmp/details.o": artifact.data}
    done = machine.run(["python3", "-c", GUEST, *files], files=files)
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    fields = found["fields"]
    assert {name: fields.get(name) for name in found["expected"]} == found["expected"]
    assert len(fields["proc.caps.effective"]) == found["capabilities"] > 30
    optional = {"parent.script.path", "login_session"}
    shown = {f"proc.{n}" for names in DETAILS.values() for n in names if n not in optional}
    assert shown <= fields.keys()
