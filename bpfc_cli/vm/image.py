"""From a kernel package to what a virtual machine boots: the kernel and its first root."""

import hashlib
import lzma
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

from attrs import frozen

from bpfc_cli.vm import archive
from bpfc_cli.vm.cache import Cache, file_digest
from bpfc_cli.vm.errors import VmError
from bpfc_cli.vm.host import busybox
from bpfc_cli.vm.packages import kernel_package, unpack
from bpfc_cli.vm.table import GUEST
from bpfc_cli.vm.userland import root_disk

KEPT = 2  # images of one kernel
FORMAT = b"1"  # part of the cached names: raise it when this module writes something else


@frozen
class Image:
    """What a virtual machine boots.

    Args:
        kernel: the kernel.
        initramfs: its first root, which loads modules and mounts the disk.
        root: the disk, an ext4 file system; the machine writes to a copy that is thrown away.
    """

    kernel: Path
    initramfs: Path
    root: Path


def prepare(series: str, cache: Cache) -> Image:
    """Get or make everything one kernel needs.

    Args:
        series: for example "6.1".
        cache: where it is kept.

    Returns:
        The files, their checksums verified.

    Raises:
        VmError: what keeps them from being made.
    """
    package = _Package(series, cache)
    name = f"linux-{series}-{package.key()}"
    image = Image(
        kernel=cache.file(f"{name}.kernel", package.write_kernel),
        initramfs=cache.file(f"{name}.cpio", package.write_initramfs),
        root=root_disk(cache),
    )
    for ending in ("kernel", "cpio"):
        cache.keep_newest(f"linux-{series}-*.{ending}", KEPT)
    return image


class _Package:
    """A kernel package and what is made from it."""

    def __init__(self, series: str, cache: Cache) -> None:
        self._path = kernel_package(series, cache)
        self._busybox = busybox()
        self._init = files("bpfc_cli.vm").joinpath("init.sh").read_bytes()

    def key(self) -> str:
        """A name for all inputs together."""
        digest = hashlib.sha256(FORMAT + self._init + repr(GUEST.modules).encode())
        for path in (self._path, self._busybox):
            digest.update(file_digest(path).encode())
        return digest.hexdigest()[:16]

    def write_kernel(self, target: Path) -> None:
        """Write the kernel."""
        self._unpacked(lambda tree: shutil.copyfile(self._one(tree, "boot/vmlinu*"), target))

    def write_initramfs(self, target: Path) -> None:
        """Write the first root: busybox, the init script, and modules in the order to load them."""

        def write(tree: Path) -> None:
            modules = load_order(self._modules(tree), GUEST.modules)
            members = [
                *(archive.directory(name) for name in ("bin", "dev", "modules", "new")),
                archive.console("dev/console"),
                archive.regular("bin/busybox", self._busybox.read_bytes(), 0o755),
                archive.regular("init", self._init, 0o755),
                archive.regular("modules/order", "".join(f"{n}\n" for n, _ in modules).encode()),
                *(archive.regular(f"modules/{n}.ko", data) for n, data in modules),
            ]
            target.write_bytes(archive.cpio(members))

        self._unpacked(write)

    def _unpacked(self, use: Callable[[Path], object]) -> None:
        """Call something with the package's files."""
        with tempfile.TemporaryDirectory(prefix="bpfc-vm-") as folder:
            unpack(self._path, Path(folder))
            use(Path(folder))

    def _modules(self, tree: Path) -> dict[str, Path]:
        """The package's modules by name; release 13 keeps them below usr/."""
        paths = [*tree.glob("lib/modules/**/*.ko*"), *tree.glob("usr/lib/modules/**/*.ko*")]
        return {path.name.partition(".ko")[0].replace("-", "_"): path for path in paths}

    def _one(self, tree: Path, pattern: str) -> Path:
        """The only file that fits a pattern."""
        found = list(tree.glob(pattern))
        if len(found) != 1:
            raise VmError(
                "BPFC0809",
                f"the package {self._path.name} holds {len(found)} files {pattern}, not one",
                f"delete {self._path} so that it is fetched again",
            )
        return found[0]


def load_order(modules: dict[str, Path], wanted: tuple[str, ...]) -> list[tuple[str, bytes]]:
    """The wanted modules and what they depend on, dependencies first.

    The packages have no modules.dep (depmod makes it at installation), so each module's own
    `depends=` is followed. A name without a module is built into the kernel.

    Args:
        modules: files by module name.
        wanted: names.

    Returns:
        Name and uncompressed contents of each.
    """
    done: dict[str, bytes] = {}

    def visit(name: str) -> None:
        if name in done or name not in modules:
            return
        data = _contents(modules[name])
        for needed in _depends(data):
            visit(needed)
        done[name] = data

    for name in wanted:
        visit(name)
    return list(done.items())


def _contents(path: Path) -> bytes:
    """A module's bytes, unpacked."""
    return lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()


def _depends(module: bytes) -> Iterator[str]:
    """Names in the `depends=` string of a module's .modinfo section."""
    match = re.search(rb"\0depends=([^\0]*)\0", module)
    for name in match[1].decode().split(",") if match else ():
        if name:
            yield name.replace("-", "_")
