"""The guest's disk: an ext4 file system with the host's Python, libraries and some programs.

Debian's cloud kernels have no 9p, and virtiofs needs a daemon that not every system has; so what a
guest needs is copied, at the same paths as on the host, and kept until one of the files changes.
"""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import py_compile
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import frozen

from bpfc_cli.vm.cache import Cache
from bpfc_cli.vm.errors import VmError
from bpfc_cli.vm.host import busybox, need_command
from bpfc_cli.vm.table import GUEST

FORMAT = "1"  # part of the cached name: raise it when this module writes something else
ROOM_BYTES = 96 << 20  # for what the guest writes
KEPT_DISKS = 2
BLOCK = 4096
LIBBPF = "libbpf.so.1"
PROGRAM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
APPLETS = "/opt/busybox"
LOADER_CACHE = "/etc/ld.so.cache"
MOUNT_POINTS = ("dev", "proc", "sys", "run", "tmp", "new", "root", "mnt", "var/tmp", "var/lib")
TOP = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost bpfc-vm\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


@frozen
class Copy:
    """One file of the host on the disk.

    Args:
        source: where it is on the host.
        target: where it is to be on the disk, absolute.
    """

    source: Path
    target: Path


def root_disk(cache: Cache) -> Path:
    """The disk, made again if a file it is made from has changed.

    Args:
        cache: where it is kept.

    Returns:
        The file system's file.

    Raises:
        VmError: BPFC0807 or BPFC0808, a tool is missing; BPFC0809, mke2fs fails; BPFC0814, no
            libbpf.
    """
    copies, links = _plan(cache)
    facts = [FORMAT, sys.version, repr(GUEST), repr(ETC), repr(sorted(links.items()))]
    facts += [f"{copy.target} {_state(copy.source)}" for copy in copies]
    key = _key(facts)
    disk = cache.file(f"root-{key}.ext4", lambda target: _write(target, copies, links))
    cache.keep_newest("root-*.ext4", KEPT_DISKS)
    return disk


def _plan(cache: Cache) -> tuple[list[Copy], dict[str, str]]:
    """What is copied, and symbolic links by path, in the order to make them."""
    python = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    tools = [Path(p) for name in GUEST.tools if (p := shutil.which(name, path=PROGRAM_PATH))]
    programs = [python, *tools, _libbpf()]
    trees = [*_standard_library(), *_distributions()]
    objects = [*programs, *(c.source for c in trees if ".so" in c.source.suffixes)]
    libraries = _libraries(sorted({path.resolve() for path in objects}), cache)

    links = {f"/{top}": os.readlink(f"/{top}") for top in TOP if os.path.islink(f"/{top}")}
    copies = {copy.target: copy for copy in trees}
    for path in [*programs, *libraries, busybox()]:
        copies[path.resolve()] = Copy(path.resolve(), path.resolve())
        named = path.parent.resolve() / path.name
        if named != path.resolve():
            links[str(named)] = str(path.resolve())
    for name in ("python", "python3"):
        links[f"/usr/local/bin/{name}"] = str(python)
    box = str(busybox())
    if box != "/usr/bin/busybox":
        links["/usr/bin/busybox"] = box
    applets = subprocess.run([box, "--list"], capture_output=True, text=True, check=True)
    links |= {f"{APPLETS}/{name}": box for name in applets.stdout.split()}
    if (known := Path(LOADER_CACHE)).is_file():
        copies[known] = Copy(known, known)
    return sorted(copies.values(), key=lambda copy: str(copy.target)), links


def _standard_library() -> Iterator[Copy]:
    """Python's own modules, where they are."""
    seen = set()
    for name in ("stdlib", "platstdlib"):
        folder = Path(sysconfig.get_path(name, vars={"base": sys.base_prefix}))
        if folder in seen:
            continue
        seen.add(folder)
        for path in _walk(folder, frozenset(GUEST.stdlib_without)):
            yield Copy(path, path)


def _walk(folder: Path, without: frozenset[str]) -> Iterator[Path]:
    """Files below a folder that a running Python may read."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if name not in without and not name.startswith("config-")
        )
        for name in sorted(names):
            if name.partition(".")[0] not in without and not name.endswith((".a", ".o")):
                yield Path(parent, name)


def _distributions() -> Iterator[Copy]:
    """The installed distributions a guest needs; what is not installed is left out."""
    for name in GUEST.distributions:
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        for file in distribution.files or ():
            source = Path(str(distribution.locate_file(file)))
            # Scripts lie outside of site-packages.
            if not {"..", "__pycache__"} & set(file.parts) and source.is_file():
                yield Copy(source, Path(GUEST.site, *file.parts))


def _libbpf() -> Path:
    """The host's libbpf."""
    answer = subprocess.run(
        [need_command("ldconfig", "libc-bin"), "-p"], capture_output=True, text=True, check=False
    )
    machine = os.uname().machine.replace("_", "-")
    pattern = rf"^\s*{re.escape(LIBBPF)} \(.*{machine}.*\) => (\S+)$"
    found = re.search(pattern, answer.stdout, re.M | re.I)
    if found is None:
        raise VmError(
            "BPFC0814",
            f"the guest uses this machine's {LIBBPF}, which is not installed",
            "install libbpf 1.1 or newer (Debian package libbpf1)",
        )
    return Path(found[1])


def _libraries(objects: list[Path], cache: Cache) -> list[Path]:
    """Shared libraries that programs and libraries need, the loader included."""

    def write(target: Path) -> None:
        target.write_text("\n".join(_resolve(objects)), "utf-8")

    # ldd takes most of a second; whatever installs libraries has the loader's cache written again.
    key = _key([FORMAT, _state(Path(LOADER_CACHE)), *map(_state, objects)])
    kept = cache.file(f"libraries-{key}.txt", write)
    cache.keep_newest("libraries-*.txt", KEPT_DISKS)
    return [Path(line) for line in kept.read_text("utf-8").splitlines()]


def _key(facts: Iterable[str]) -> str:
    """A short name for what something is made from."""
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def _state(path: Path) -> str:
    """What changes when a file does."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return f"{path} is missing"
    return f"{path} {status.st_size} {status.st_mtime_ns}"


def _resolve(objects: Iterable[Path]) -> list[str]:
    """Paths of shared libraries, as the host's loader finds them."""
    answer = subprocess.run(
        [need_command("ldd", "libc-bin"), *map(str, objects)],
        capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    # "libz.so.1 => /lib/x/libz.so.1 (0x...)", and "/lib64/ld-linux-x86-64.so.2 (0x...)".
    found = re.findall(r"^\s+(?:\S+ => )?(/\S+) \(0x", answer.stdout, re.M)
    return sorted(set(found))


def _write(target: Path, copies: list[Copy], links: dict[str, str]) -> None:
    """Write the file system."""
    command = need_command("mke2fs", "e2fsprogs")
    with tempfile.TemporaryDirectory(prefix="bpfc-vm-") as folder:
        size = _stage(Path(folder), copies, links)
        with target.open("wb") as file:
            file.truncate(size + size // 4 + ROOM_BYTES)
        answer = subprocess.run(
            [command, "-q", "-F", "-t", "ext4", "-b", str(BLOCK), "-m", "0", "-i", "8192",
             "-O", "^has_journal", "-E", "root_owner=0:0,lazy_itable_init=1",
             "-d", folder, str(target)],
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    if answer.returncode:
        raise VmError(
            "BPFC0809",
            "the guest's disk cannot be made: mke2fs failed",
            "make room in the cache's folder, or set XDG_CACHE_HOME to another one",
            answer.stderr.strip(),
        )


def _stage(root: Path, copies: list[Copy], links: dict[str, str]) -> int:
    """Lay out the file system's tree; its size in bytes, in whole blocks."""

    def below(path: Path | str) -> Path:
        place = root / str(path).lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    for top in TOP:
        if f"/{top}" in links:
            below(links[f"/{top}"]).mkdir(exist_ok=True, parents=True)
            (root / top).symlink_to(links[f"/{top}"])
        elif Path("/", top).is_dir():
            (root / top).mkdir()
    size = 0
    for copy in copies:
        place = below(copy.target)
        shutil.copy2(copy.source, place)  # with its time: Python compares it with its .pyc file's
        place.chmod(0o755 if copy.source.stat().st_mode & stat.S_IXUSR else 0o644)
        size += _blocks(place)
        if place.suffix == ".py":
            size += _blocks(_compiled(copy, place))
    for link, to in links.items():
        place = below(link)
        if not os.path.lexists(place):
            place.symlink_to(to)
    for name in MOUNT_POINTS:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, text in ETC.items():
        below(f"/etc/{name}").write_text(text, "utf-8")
    return size


def _compiled(copy: Copy, place: Path) -> Path:
    """Put the compiled form of a module beside it: under emulation, compiling takes seconds."""
    target = Path(importlib.util.cache_from_source(str(place)))
    target.parent.mkdir(exist_ok=True)
    kept = Path(importlib.util.cache_from_source(str(copy.source)))
    if kept.is_file():
        shutil.copyfile(kept, target)
        return target
    with contextlib.suppress(py_compile.PyCompileError, UnicodeDecodeError):  # a template, say
        py_compile.compile(str(place), str(target), str(copy.target), doraise=True)
    return target if target.is_file() else place


def _blocks(path: Path) -> int:
    """Room that a file takes, bytes."""
    return -path.stat().st_size // BLOCK * -BLOCK
