"""Boots that fail, machines that die, hosts that go away."""

import logging
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from attrs import evolve

from bpfc_cli.vm import image
from bpfc_cli.vm.cache import Cache, host_lock, locked
from bpfc_cli.vm.errors import VmError
from bpfc_cli.vm.machine import BOOT_TRIES, Machine

pytestmark = pytest.mark.usefixtures("no_machine")
FREE_WITHIN_S = 60.0


class Images:
    """Images of which the first ones lack something.

    Args:
        folder: where broken files can lie.
        part: what is broken, "kernel" or "initramfs".
        broken: how many boots fail.
    """

    def __init__(self, folder: Path, part: str, broken: int) -> None:
        self.asked = 0
        self._part = part
        self._broken = broken
        self._bad = folder / part
        self._bad.write_bytes(b"neither kernel nor archive")

    def __call__(self, series: str, cache: Cache) -> image.Image:
        """What to boot next."""
        self.asked += 1
        good = image.prepare(series, cache)
        return evolve(good, **{self._part: self._bad}) if self.asked <= self._broken else good


def test_a_failed_boot_is_tried_again_and_a_panic_in_a_command_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = Images(tmp_path, "initramfs", broken=1)
    with caplog.at_level(logging.WARNING), Machine("5.10", images=images) as machine:
        assert (images.asked, machine.boot_tries) == (2, 2)
        assert "did not boot; once more" in caplog.text
        assert "Kernel panic" in caplog.text
        assert machine.run(["uname", "-r"]).stdout.strip() == machine.kernel_release
        with pytest.raises(VmError) as caught:
            machine.run(["sh", "-c", "echo c >/proc/sysrq-trigger; sleep 60"])
        assert caught.value.code == "BPFC0815"
        assert "sysrq triggered crash" in machine.console
        assert not machine.alive
        with pytest.raises(VmError, match="BPFC0815"):
            machine.run(["true"])
    assert images.asked == 2
    with locked(host_lock(), wait=0):
        pass  # nothing of it is left


def test_a_machine_that_never_boots_is_one_diagnostic(tmp_path: Path) -> None:
    images = Images(tmp_path, "kernel", broken=BOOT_TRIES)
    with pytest.raises(VmError) as caught, Machine("5.10", images=images):
        pytest.fail("it booted")
    assert (caught.value.code, images.asked) == ("BPFC0811", BOOT_TRIES)
    assert "kernel" in caught.value.detail  # the emulator's own words
    with locked(host_lock(), wait=0):
        pass


def test_the_guest_ends_when_its_host_process_is_killed() -> None:
    script = (
        "from bpfc_cli.vm.machine import Machine\n"
        "import time\n"
        "with Machine('5.10') as machine:\n"
        "    print(machine._folder, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as host:
        assert host.stdout is not None
        folder = host.stdout.readline().decode().strip()
        assert Path(folder).is_dir()
        with pytest.raises(VmError) as caught, locked(host_lock(), wait=0):
            pytest.fail("two machines at a time")
        assert caught.value.code == "BPFC0813"
        host.kill()
    started = time.monotonic()
    with locked(host_lock(), wait=FREE_WITHIN_S):
        assert time.monotonic() - started < FREE_WITHIN_S
    shutil.rmtree(folder)  # a process that is killed cannot tidy up
