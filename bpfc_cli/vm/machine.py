"""A running virtual machine that carries out one command after the other.

with Machine("6.1") as machine:
    result = machine.run(["python3", "-c", "print(1)"])
"""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from bpfc_cli.vm.agent import PORT, decode, encode
from bpfc_cli.vm.cache import LOG, Cache, host_lock, locked
from bpfc_cli.vm.errors import CommandTimeout, VmError
from bpfc_cli.vm.host import need_command
from bpfc_cli.vm.image import Image, prepare
from bpfc_cli.vm.project import project_archive
from bpfc_cli.vm.table import GUEST, Architecture, architecture, kernel
from bpfc_cli.vm.userland import APPLETS, PROGRAM_PATH

BOOT_TRIES = 3  # about one boot in ten panics early under emulation when the host is busy
BOOT_WAIT_S = 120.0
GRACE_S = 20.0  # between killing a command and its answer
CONSOLE_TAIL = 30  # lines of a console in a diagnostic
NOTHING: Mapping[str, Any] = {}
ENVIRONMENT = {
    "PATH": f"{PROGRAM_PATH}:{APPLETS}",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PYTHONPATH": f"{GUEST.project}:{GUEST.site}",
}


@frozen
class Result:
    """What became of a command in a guest.

    Args:
        exit_code: its exit code; minus a signal's number; 127 if it could not be started.
        stdout: all it wrote there; bytes that are not UTF-8 as surrogates (`surrogateescape`).
        stderr: the same for its errors.
        console: the guest's console since it booted.
        seconds: how long it ran in the guest.
        kernel_release: for example "6.1.0-50-cloud-amd64".
    """

    exit_code: int
    stdout: str
    stderr: str
    console: str
    seconds: float
    kernel_release: str


class Machine:
    """One virtual machine; a context manager. Only one runs on a host at a time.

    Args:
        series: its kernel, for example "6.1".
        cache: where images are kept.
        images: gives what to boot, asked again before each try.

    Attributes:
        boot_seconds: how long the boot took, from the emulator's start to the agent's first word.
        boot_tries: how many boots it took.
        kernel_release: the running kernel's name.
    """

    def __init__(
        self,
        series: str,
        *,
        cache: Cache | None = None,
        images: Callable[[str, Cache], Image] = prepare,
    ) -> None:
        self.series = kernel(series).series
        self.boot_seconds = 0.0
        self.boot_tries = 0
        self.kernel_release = ""
        self._cache = cache or Cache()
        self._images = images
        self._owned = contextlib.ExitStack()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path()

    def __enter__(self) -> "Machine":
        """Boot.

        Raises:
            VmError: BPFC0801 to BPFC0810 and BPFC0814, something is missing; BPFC0811, it does not
                boot; BPFC0813, another machine holds the host.
        """
        arch = architecture()
        emulator = need_command(arch.qemu, arch.qemu_package)
        with contextlib.ExitStack() as stack:
            image = self._images(self.series, self._cache)
            lock = stack.enter_context(locked(host_lock()))
            self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bpfc-vm-")))
            (self._folder / "project").write_bytes(project_archive())
            stack.callback(self._end)
            while not self._boot([emulator, *self._options(arch, image)], lock):
                if self.boot_tries == BOOT_TRIES:
                    raise self._no_boot()
                LOG.warning(
                    "the machine with kernel %s did not boot; once more. It said:\n%s",
                    self.series,
                    self._tail(),
                )
                image = self._images(self.series, self._cache)
            self._owned = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End the machine and remove all it left on the host."""
        self._owned.close()

    @property
    def console(self) -> str:
        """What the guest has written to its console so far."""
        with contextlib.suppress(OSError):
            return (self._folder / "console").read_text("utf-8", errors="replace")
        return ""

    @property
    def alive(self) -> bool:
        """Whether it can carry out a command."""
        return self._socket is not None and self._process is not None and not self._process.poll()

    def run(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, bytes] = NOTHING,
        env: Mapping[str, str] = NOTHING,
        stdin: bytes = b"",
        cwd: str = "/tmp",
        timeout: float = 120,
    ) -> Result:
        """Run a command as root and wait for it. What it leaves running goes on.

        Args:
            argv: the command; "python3" finds this project and what it needs.
            files: written first, executable; paths that are not absolute are below `cwd`.
            env: variables in addition to ENVIRONMENT.
            stdin: what it reads.
            cwd: where it runs.
            timeout: seconds after which it, and what is left of its process group, is killed.

        Returns:
            What became of it.

        Raises:
            CommandTimeout: it took too long; the machine goes on if it still answers.
            VmError: BPFC0815, the machine died.
        """
        if self._socket is None:
            raise self._dead(argv)
        request = {
            "argv": list(argv), "cwd": cwd, "env": {**ENVIRONMENT, **env},
            "files": list(files), "timeout": timeout,
        }  # fmt: skip
        try:
            answer, (out, err) = self._ask(
                encode(request, [*files.values(), stdin]), timeout + GRACE_S
            )
        except TimeoutError:
            self._end()
            raise self._too_long(argv, timeout, b"", b"") from None
        except (EOFError, OSError):
            self._end()
            raise self._dead(argv) from None
        except BaseException:
            self._end()  # interrupted in the middle of a frame: what comes next has no meaning
            raise
        if answer["timed_out"]:
            raise self._too_long(argv, timeout, out, err)
        return Result(
            answer["code"], _text(out), _text(err), self.console,
            answer["seconds"], self.kernel_release,
        )  # fmt: skip

    def _options(self, arch: Architecture, image: Image) -> list[str]:
        """The emulator's options, all but the agent's socket."""
        append = (
            f"console={arch.console} quiet panic=-1 oops=panic lsm={GUEST.lsm}"
            " rdinit=/init random.trust_cpu=on"
        )
        disks = [(image.root, "on"), (self._folder / "project", "off")]
        return [
            "-machine", arch.machine, "-accel", "tcg,thread=multi", "-cpu", arch.cpu,
            "-m", str(GUEST.memory_mib), "-smp", str(GUEST.cpus),
            "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none",
            "-serial", f"file:{self._folder / 'console'}",
            "-kernel", str(image.kernel), "-initrd", str(image.initramfs), "-append", append,
            *(
                word
                for number, (path, snapshot) in enumerate(disks)
                for word in (
                    "-drive", f"if=none,id=d{number},format=raw,file={path},snapshot={snapshot}"
                    + ("" if snapshot == "on" else ",readonly=on"),
                    "-device", f"virtio-blk-pci,drive=d{number}",
                )
            ),
            "-device", "virtio-serial-pci", "-device", f"virtserialport,chardev=agent,name={PORT}",
        ]  # fmt: skip

    def _boot(self, command: list[str], lock: int) -> bool:
        """Start the emulator; whether its agent spoke."""
        self.boot_tries += 1
        started = time.monotonic()
        ours, theirs = socket.socketpair()
        self._socket = ours
        with theirs, (self._folder / "emulator").open("wb") as log:
            # It inherits the lock: were this process killed, the lock would be held until the guest
            # has noticed that nobody is there, and the emulator has ended.
            self._process = subprocess.Popen(
                [*command, "-chardev", f"socket,id=agent,fd={theirs.fileno()}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=(theirs.fileno(), lock), start_new_session=True,
            )  # fmt: skip
        try:
            hello, _ = self._ask(b"", BOOT_WAIT_S)
        except (TimeoutError, EOFError, OSError):
            self._end()
            return False
        self.kernel_release = hello["release"]
        self.boot_seconds = time.monotonic() - started
        return True

    def _ask(self, frame: bytes, wait: float) -> tuple[dict[str, Any], list[bytes]]:
        """Send a frame (or nothing) and get the next one."""
        assert self._socket is not None, "only called while the machine runs"
        channel = self._socket
        deadline = time.monotonic() + wait

        def read(count: int) -> bytes:
            channel.settimeout(max(0.001, deadline - time.monotonic()))
            return channel.recv(count)

        channel.settimeout(wait)
        channel.sendall(frame)
        return decode(read)

    def _end(self) -> None:
        """End the emulator. Nothing in the guest is worth keeping."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _tail(self) -> str:
        """The end of the console, or what the emulator said where there is none."""
        said = self.console
        if not said.strip():
            said = (self._folder / "emulator").read_text("utf-8", errors="replace")
        return "\n".join(said.splitlines()[-CONSOLE_TAIL:])

    def _no_boot(self) -> VmError:
        """The diagnostic for a machine that never spoke."""
        return VmError(
            "BPFC0811",
            f"the virtual machine with kernel {self.series} did not boot in {BOOT_TRIES} tries",
            "see the end of its console above; a host with less load or more memory may do",
            self._tail(),
        )

    def _dead(self, argv: Sequence[str]) -> VmError:
        """The diagnostic for a machine that died, or that was ended before."""
        return VmError(
            "BPFC0815",
            f"the virtual machine with kernel {self.series} is gone; it was to run {argv[0]}",
            "see the end of its console above; boot another one",
            self._tail() if self._folder.name else "",
        )

    def _too_long(
        self, argv: Sequence[str], timeout: float, out: bytes, err: bytes
    ) -> CommandTimeout:
        """The diagnostic for a command that was killed."""
        return CommandTimeout(
            f"{argv[0]} took more than {timeout:g} seconds on kernel {self.series}",
            _text(out), _text(err), self.console,
        )  # fmt: skip


def _text(data: bytes) -> str:
    """Output as text that can be turned back into the same bytes."""
    return data.decode("utf-8", "surrogateescape")


def run(
    series: str,
    argv: Sequence[str],
    *,
    files: Mapping[str, bytes] = NOTHING,
    env: Mapping[str, str] = NOTHING,
    timeout: float = 120,
) -> Result:
    """Boot a machine for one command.

    Args:
        series: its kernel, for example "6.1".
        argv: the command.
        files: written first; see `Machine.run`.
        env: variables in addition to ENVIRONMENT.
        timeout: seconds the command may take, the boot not counted.

    Returns:
        What became of it.

    Raises:
        VmError: as `Machine` and `Machine.run`.
    """
    with Machine(series) as machine:
        return machine.run(argv, files=files, env=env, timeout=timeout)
