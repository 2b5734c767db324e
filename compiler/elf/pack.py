"""Put the two halves, the manifest and the content tables into one file."""

import hashlib

from attrs import evolve

from bpfc.artifact.codec import manifest_bytes
from bpfc.artifact.container import (
    CONTENT_SECTION,
    DIGEST_SECTION,
    DIGEST_SIZE,
    MANIFEST_SECTION,
    WINDOWS_SECTION,
    digest_place,
)
from bpfc.artifact.manifest import Manifest
from bpfc.artifact.objects import OPTIONAL_TYPE
from compiler.elf.model import ElfError, Section
from compiler.elf.read import read_elf
from compiler.elf.write import with_sections, write_elf


def pack(
    linux_obj: bytes, manifest: Manifest, content: bytes, windows_obj: bytes | None = None
) -> bytes:
    """Make the artifact.

    Sections with libbpf's "?" mark get a section type of the user range: the mark alone makes
    libbpf pass them over when it loads, but Debian 12's `bpftool prog loadall` then fails to pin
    what was not loaded.

    Args:
        linux_obj: the Linux object, stripped; the artifact is this object with sections added.
        manifest: what the artifact says about itself.
        content: the content tables, as the manifest's `contents` refer to them.
        windows_obj: the Windows object, stripped and complete, or None.

    Returns:
        The bytes of the artifact. Whether the parts agree shows when they are opened
        (`bpfc.artifact.container.open_artifact`), which the driver does with every artifact.

    Raises:
        ElfError: the Linux object cannot be read, or manifest and Windows half do not agree.
    """
    if (windows_obj is None) != (manifest.windows is None):
        raise ElfError("the manifest and the object disagree on whether there is a Windows half")
    sections = {MANIFEST_SECTION: manifest_bytes(manifest), CONTENT_SECTION: content}
    if windows_obj is not None:
        sections[WINDOWS_SECTION] = windows_obj
    sections[DIGEST_SECTION] = bytes(DIGEST_SIZE)
    data = bytearray(with_sections(_hidden(linux_obj), sections))
    at = digest_place(bytes(data))
    data[at : at + DIGEST_SIZE] = hashlib.sha256(data).digest()
    return bytes(data)


def _hidden(obj: bytes) -> bytes:
    """The object with its optional programs out of other loaders' sight."""
    elf = read_elf(obj)
    return write_elf(evolve(elf, sections=tuple(map(_optional, elf.sections))))


def _optional(section: Section) -> Section:
    """A section, typed for bpfc's runtime alone if its name has libbpf's mark."""
    if section.name.startswith("?") and section.executable:
        return evolve(section, type=OPTIONAL_TYPE)
    return section
