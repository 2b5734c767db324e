"""Kernel packages through apt, from a small archive made here: no network is used."""

import hashlib
import logging
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpfc_cli.vm import apt
from bpfc_cli.vm.apt import Source, archives_for, parse_list, parse_sources
from bpfc_cli.vm.cache import Cache
from bpfc_cli.vm.errors import VmError
from bpfc_cli.vm.packages import kernel_package, unpack
from bpfc_cli.vm.table import architecture, kernel

KEY = ("Signed-By", "/usr/share/keyrings/x.gpg")
DATA = Path(__file__).parent / "data"


def test_a_deb822_file() -> None:
    assert parse_sources((DATA / "machine.sources").read_text("utf-8")) == [
        Source(
            ("http://mirror.test/debian",), ("trixie", "trixie-updates"), ("main", "contrib"),
            (KEY,),
        ),
        Source(
            ("http://a.test/d", "http://b.test/d"), ("trixie-security",), ("main",),
            (("Signed-By", "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END"),),
        ),
    ]  # fmt: skip


def test_a_one_line_style_file() -> None:
    assert parse_list((DATA / "machine.list").read_text("utf-8")) == [
        Source(("http://mirror.test/debian",), ("bookworm",), ("main", "non-free")),
        Source(("http://mirror.test/security",), ("bookworm-security",), ("main",), (KEY,)),
        Source(("file:/srv/flat",), ("./",), (), (("Trusted", "yes"),)),
    ]


@given(st.text() | st.text("deb []=:#\n htp/.UISTyesa", max_size=200))
def test_no_text_breaks_the_readers(text: str) -> None:
    for source in [*parse_sources(text), *parse_list(text)]:
        assert parse_sources(source.text()) in ([source], [])


def test_which_archive_is_asked_for_a_release() -> None:
    sources = [
        Source(("http://other.test",), ("nodistro",), ("main",)),
        Source(("http://m.test/security",), ("bookworm-security",), ("main",), (KEY,)),
        Source(("http://m.test",), ("bookworm", "bookworm-updates"), ("main", "contrib"), (KEY,)),
    ]
    assert archives_for(kernel("5.10"), sources) == [
        Source(("http://m.test",), ("bullseye",), ("main",), (KEY,)),
        Source(("http://m.test/security",), ("bullseye-security",), ("main",), (KEY,)),
    ]


@pytest.mark.parametrize("suite", ["noble", "nodistro", "./"])
def test_no_debian_archive_is_a_diagnostic(suite: str) -> None:
    with pytest.raises(VmError) as caught:
        archives_for(kernel("5.10"), [Source(("http://m.test",), (suite,), ("main",))])
    assert caught.value.code == "BPFC0804"


def test_no_apt_is_a_diagnostic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(apt.SOURCES_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VmError) as caught:
        apt.machine_sources()
    assert caught.value.code == "BPFC0803"


def test_this_machines_sources_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(apt.SOURCES_VARIABLE, raising=False)
    assert all(source.uris for source in apt.machine_sources())


class Mirror:
    """A small Debian archive in a folder.

    Args:
        folder: where.
        monkeypatch: makes it the machine's mirror.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.arch = architecture().debian
        sources = folder / "test.sources"
        sources.parent.mkdir()
        monkeypatch.setenv(apt.SOURCES_VARIABLE, str(sources))
        stanzas = [
            Source((f"copy:{folder}",), (suite,), ("main",), (("Trusted", "yes"),)).text()
            for suite in ("bookworm", "bookworm-security")
        ]
        sources.write_text("".join(stanzas), "utf-8")

    def publish(self, suite: str, version: str) -> Path:
        """Put a kernel and the package that depends on it into a suite."""
        name = f"linux-image-{version}-cloud-{self.arch}"
        meta = self._build(architecture().package, version, f"{name} (= {version})")
        real = self._build(name, version, "")
        lines = [self._entry(path) for path in (meta, real)]
        folder = self.folder / "dists" / suite
        index = folder / f"main/binary-{self.arch}" / "Packages"
        index.parent.mkdir(parents=True)
        index.write_text("\n".join(lines), "utf-8")
        size, digest = index.stat().st_size, hashlib.sha256(index.read_bytes()).hexdigest()
        (folder / "Release").write_text(
            f"Suite: {suite}\nCodename: {suite}\nArchitectures: {self.arch}\nComponents: main\n"
            "Date: Thu, 01 Jan 2026 00:00:00 UTC\n"
            f"SHA256:\n {digest} {size} main/binary-{self.arch}/Packages\n",
            "utf-8",
        )
        return real

    def _build(self, name: str, version: str, depends: str) -> Path:
        """Build a package."""
        tree = self.folder / "trees" / name
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "boot").mkdir()
        (tree / "boot" / "vmlinuz").write_text(f"kernel {version}")
        (tree / "DEBIAN" / "control").write_text(
            f"Package: {name}\nVersion: {version}\nArchitecture: {self.arch}\n"
            "Maintainer: Nobody <nobody@example.org>\nDescription: test\n"
            + (f"Depends: {depends}\n" if depends else "")
        )
        path = self.folder / f"{name}_{version}.deb"
        subprocess.run(
            ["dpkg-deb", "--build", "--root-owner-group", "-Znone", tree, path],
            check=True, capture_output=True,
        )  # fmt: skip
        return path

    def _entry(self, path: Path) -> str:
        """A package's stanza in the index."""
        control = subprocess.run(
            ["dpkg-deb", "--field", path], check=True, capture_output=True, text=True
        ).stdout
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return f"{control}Filename: {path.name}\nSize: {path.stat().st_size}\nSHA256: {digest}\n"


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    """An archive that holds nothing yet."""
    return Mirror(tmp_path / "mirror", monkeypatch)


def _flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_package_is_fetched_once_and_again_when_damaged(
    mirror: Mirror, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    published = mirror.publish("bullseye", "5.10.99-1").read_bytes()
    cache = Cache(tmp_path / "cache")
    path = kernel_package("5.10", cache)
    assert path.read_bytes() == published
    unpack(path, tmp_path / "tree")
    assert (tmp_path / "tree/boot/vmlinuz").read_text() == "kernel 5.10.99-1"

    kept = path.stat().st_ino
    assert kernel_package("5.10", cache).stat().st_ino == kept  # not fetched again

    _flip(path)
    with caplog.at_level(logging.WARNING):
        assert kernel_package("5.10", cache).read_bytes() == published
    assert "does not match its checksum" in caplog.text
    left = {item.name for item in (tmp_path / "cache").iterdir()}
    assert left == {path.name, f"{path.name}.sha256", f"{path.name}.lock"}


def test_a_release_that_only_the_security_archive_has(mirror: Mirror, tmp_path: Path) -> None:
    published = mirror.publish("bullseye-security", "5.10.100-1").read_bytes()
    assert kernel_package("5.10", Cache(tmp_path / "cache")).read_bytes() == published


def test_a_package_that_does_not_match_the_index_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    _flip(mirror.publish("bullseye", "5.10.99-1"))
    with pytest.raises(VmError) as caught:
        kernel_package("5.10", Cache(tmp_path / "cache"))
    assert caught.value.code == "BPFC0805"
    assert "Hash Sum mismatch" in caught.value.detail
    assert not list((tmp_path / "cache").glob("*.deb"))


def test_a_mirror_without_the_release(mirror: Mirror, tmp_path: Path) -> None:
    mirror.publish("bookworm", "6.1.9-1")
    with pytest.raises(VmError) as caught:
        kernel_package("5.10", Cache(tmp_path / "cache"))
    assert caught.value.code == "BPFC0805"
    assert "bullseye" in caught.value.detail


def test_a_mirror_with_another_kernel_in_the_release(mirror: Mirror, tmp_path: Path) -> None:
    mirror.publish("bullseye", "6.1.9-1")
    with pytest.raises(VmError) as caught:
        kernel_package("5.10", Cache(tmp_path / "cache"))
    assert caught.value.code == "BPFC0806"
    assert "5.10" in caught.value.message and "6.1.9-1" in caught.value.message


def test_a_package_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.deb").write_bytes(b"no archive")
    with pytest.raises(VmError) as caught:
        unpack(tmp_path / "x.deb", tmp_path / "tree")
    assert caught.value.code == "BPFC0809"
