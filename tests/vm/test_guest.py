"""What a guest is, on each kernel; and that a command's outcome comes through as it is."""

import hashlib
import json
import os
import shlex
import sys

import pytest

from bpfc_cli.vm.errors import CommandTimeout
from bpfc_cli.vm.machine import Machine
from bpfc_cli.vm.matrix import verify_in

FACTS = """
import importlib, json, os, platform, ctypes, sys
BPF_PROG_TYPE_LSM = 29  # include/uapi/linux/bpf.h
mounts = {line.split()[1]: line.split()[2] for line in open("/proc/self/mounts")}
print(json.dumps({
    "release": platform.release(),
    "lsm": open("/sys/kernel/security/lsm").read().strip().split(","),
    "btf": os.path.getsize("/sys/kernel/btf/vmlinux"),
    "mounts": mounts,
    "python": sys.version,
    "packages": [importlib.import_module(name).__file__
                 for name in ("bpfc", "bpfc_cli", "dsl", "runtime_linux", "attrs", "elftools")],
    "libbpf": ctypes.CDLL("libbpf.so.1").libbpf_major_version(),
    "loopback": open("/sys/class/net/lo/carrier").read().strip(),
    "shell": os.path.realpath("/bin/sh"),
    "uid": os.getuid(),
    "lsm_programs": ctypes.CDLL("libbpf.so.1").libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_LSM, None),
}))
"""


def test_what_a_guest_offers(machine: Machine) -> None:
    result = machine.run(["python3", "facts.py"], files={"facts.py": FACTS.encode()})
    assert (result.exit_code, result.stderr) == (0, "")
    facts = json.loads(result.stdout)
    assert facts["release"] == result.kernel_release
    assert facts["release"].startswith(f"{machine.series}.")
    assert "bpf" in facts["lsm"]
    assert facts["btf"] > 1 << 20
    expected = {
        "/sys/fs/cgroup": "cgroup2", "/sys/fs/bpf": "bpf", "/sys/kernel/security": "securityfs",
        "/sys/kernel/tracing": "tracefs", "/tmp": "tmpfs", "/run": "tmpfs", "/": "ext4",
    }  # fmt: skip
    assert facts["mounts"].items() >= expected.items()
    assert facts["python"] == sys.version
    assert all(path.startswith("/opt/bpfc/") for path in facts["packages"])
    assert facts["libbpf"] >= 1
    assert facts["lsm_programs"] == 1
    assert facts["loopback"] == "1"
    assert facts["shell"] == os.path.realpath("/bin/sh")
    assert facts["uid"] == 0


one_kernel = pytest.mark.parametrize("machine", ["6.1"], indirect=True)


@one_kernel
def test_exit_code_and_streams_come_apart(machine: Machine) -> None:
    script = r"printf 'out\n\377'; printf 'err without end' >&2; printf 'more'; exit 37"
    result = machine.run(["sh", "-c", script])
    assert result.exit_code == 37
    assert result.stdout.encode("utf-8", "surrogateescape") == b"out\n\xffmore"
    assert result.stderr == "err without end"


@one_kernel
def test_input_environment_and_files_arrive(machine: Machine) -> None:
    data = bytes(range(256)) * 4096
    result = machine.run(
        ["sh", "-c", 'pwd; echo "$GREETING"; sha256sum <in/big | cut -c1-8; ./in/tool; cat'],
        files={"in/big": data, "in/tool": b"#!/bin/sh\necho runs\n"},
        env={"GREETING": "good  day"},
        stdin=b"typed",
        cwd="/mnt",
    )
    digest = hashlib.sha256(data).hexdigest()[:8]
    assert (result.stdout, result.stderr) == (f"/mnt\ngood  day\n{digest}\nruns\ntyped", "")


@one_kernel
def test_much_output_comes_whole(machine: Machine) -> None:
    result = machine.run(["sh", "-c", "seq 100000; seq 100000 >&2"])
    expected = "".join(f"{number}\n" for number in range(1, 100001))
    assert (result.stdout, result.stderr) == (expected, expected)


@one_kernel
def test_a_signal_is_a_negative_exit_code(machine: Machine) -> None:
    assert machine.run(["sh", "-c", "kill -KILL $$"]).exit_code == -9


@one_kernel
def test_a_command_that_cannot_start_says_so(machine: Machine) -> None:
    result = machine.run(["/no/such/program"])
    assert result.exit_code == 127
    assert "/no/such/program" in result.stderr and "No such file" in result.stderr


@one_kernel
def test_a_timeout_kills_the_command_and_keeps_the_machine(machine: Machine) -> None:
    script = "echo begun; echo trouble >&2; sleep 1000 & sleep 1000"
    with pytest.raises(CommandTimeout) as caught:
        machine.run(["sh", "-c", script], timeout=1)
    assert (caught.value.stdout, caught.value.stderr) == ("begun\n", "trouble\n")
    assert machine.alive
    left = machine.run(["sh", "-c", "ps | grep -c '[s]leep 1000'"])
    assert left.stdout == "0\n"


@one_kernel
def test_what_a_command_leaves_running_does_not_hold_the_answer(machine: Machine) -> None:
    script = "(sleep 1000; echo late) & echo $!"
    pid = machine.run(["sh", "-c", script], timeout=30).stdout.strip()
    assert machine.run(["sh", "-c", f"kill {shlex.quote(pid)}; pkill sleep; true"]).exit_code == 0


@one_kernel
def test_an_artifact_that_is_none_is_refused_by_name(machine: Machine) -> None:
    verdict = verify_in(machine, b"no ELF file")
    assert (verdict.kernel, verdict.release) == (machine.series, machine.kernel_release)
    assert not verdict.accepted
    (row,) = verdict.rows
    assert row.code.startswith(("BPFC075", "BPFC076")) and row.message and row.remedy
