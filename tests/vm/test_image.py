"""The first root's archive, the modules' order, and what the host must have."""

import lzma
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpfc_cli.vm import archive, errors, host, image
from bpfc_cli.vm.errors import VmError
from bpfc_cli.vm.machine import Machine
from bpfc_cli.vm.table import KERNELS, kernel

VM = Path(image.__file__).parent
names = st.text("abcdefghij_", min_size=1, max_size=30)


@settings(max_examples=10)
@given(st.dictionaries(names, st.binary(max_size=200), max_size=5))
def test_cpio_reads_the_archive(files: dict[str, bytes]) -> None:
    members = [
        archive.directory("d"),
        *(archive.regular(f"d/{name}", data, 0o751) for name, data in files.items()),
    ]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["busybox", "cpio", "-i", "-d"],
            input=archive.cpio(members), cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
        found = {path.name: path.read_bytes() for path in Path(folder, "d").iterdir()}
        modes = {path.stat().st_mode & 0o777 for path in Path(folder, "d").iterdir()}
    assert found == files
    assert modes <= {0o751}


def test_cpio_lists_the_console_as_a_device() -> None:
    data = archive.cpio([archive.directory("dev"), archive.console("dev/console")])
    listing = subprocess.run(
        ["busybox", "cpio", "-t", "-v"], input=data, check=True, capture_output=True
    )
    assert re.search(rb"^crw------- 0/0 .* dev/console$", listing.stdout, re.M)


def _module(path: Path, depends: str) -> None:
    """A file with a module's .modinfo text."""
    data = b"\x7fELF..\0license=GPL\0depends=" + depends.encode() + b"\0name=x\0"
    path.write_bytes(lzma.compress(data) if path.suffix == ".xz" else data)


def test_modules_are_loaded_after_what_they_need(tmp_path: Path) -> None:
    needs = {
        "pci": "ring,legacy-dev",
        "ring": "virtio",
        "virtio": "",
        "legacy_dev": "",
        "extra": "",
    }
    for name, depends in needs.items():
        _module(tmp_path / f"{name}.ko{'.xz' if name == 'ring' else ''}", depends)
    modules = {path.name.partition(".")[0]: path for path in tmp_path.iterdir()}
    loaded = image.load_order(modules, ("ring", "pci", "built_in"))
    assert [name for name, _ in loaded] == ["virtio", "ring", "legacy_dev", "pci"]
    assert all(data.startswith(b"\x7fELF") for _, data in loaded)


def test_a_missing_emulator_names_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VmError) as caught, Machine("6.1"):
        pytest.fail("booted without an emulator")
    assert caught.value.code == "BPFC0807"
    assert "qemu-system" in caught.value.message and "Debian package qemu" in caught.value.remedy


@pytest.mark.parametrize("dynamic", [False, True])
def test_a_missing_busybox_names_its_package(
    dynamic: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if dynamic:
        shutil.copy(os.path.realpath("/bin/true"), tmp_path / "busybox")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VmError) as caught:
        host.busybox()
    assert caught.value.code == "BPFC0808"
    assert ("is not static" in caught.value.message) == dynamic
    assert "busybox-static" in caught.value.remedy


def test_an_unknown_kernel_names_the_known_ones() -> None:
    with pytest.raises(VmError) as caught:
        Machine("4.19")
    assert caught.value.code == "BPFC0801"
    assert all(series in caught.value.remedy for series in KERNELS)


def test_each_kernel_is_a_row() -> None:
    assert {series: kernel(series).release for series in KERNELS} == {
        "5.10": 11,
        "6.1": 12,
        "6.12": 13,
    }


def test_every_code_has_its_text_and_every_text_its_code() -> None:
    used = {
        code
        for path in VM.glob("*.py")
        for code in re.findall(r'"(BPFC\d{4})"', path.read_text("utf-8"))
    }
    texts = errors.explanations()
    assert used == set(texts)
    assert all(title and len(text.split()) > 12 for title, text in texts.values())
    assert all(re.fullmatch(r"BPFC08\d\d", code) for code in used)
