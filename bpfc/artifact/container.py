"""The artifact as one file: the Linux object, a manifest, content tables, the Windows object.

The section `.bpfc.digest` holds a SHA-256 over every byte of the file with that section's content
zeroed; `.bpfc.signature` is kept free for a signature made the same way. The writing side is
`compiler.elf.pack`, since agents do not write artifacts.
"""

import hashlib
import stat
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from bpfc.artifact import limits
from bpfc.artifact.codec import parse_manifest
from bpfc.artifact.consistency import check_manifest, check_object
from bpfc.artifact.errors import ArtifactError
from bpfc.artifact.manifest import Manifest
from bpfc.artifact.objects import ObjectView, code_digest, read_object, reveal_optional
from bpfc.artifact.structure import structure_digest

MANIFEST_SECTION = ".bpfc.manifest"
CONTENT_SECTION = ".bpfc.content"
WINDOWS_SECTION = ".bpfc.windows"
DIGEST_SECTION = ".bpfc.digest"
SIGNATURE_SECTION = ".bpfc.signature"
DIGEST_SIZE = 32

_WHOLE = "the artifact"


@frozen
class Artifact:
    """An artifact whose every part has been checked.

    Args:
        manifest: what it says about itself.
        content: the content tables.
        windows: the complete Windows object, or None.
        data: the whole file.
        linux: the Linux object as the runtime loads it: the whole file, with the programs in sight
            that other loaders are to skip (`objects.OPTIONAL_TYPE`).
        digest: SHA-256 of the file, hexadecimal, as `sha256sum` prints it.
        code: SHA-256 over the programs of each half, by its name, from their bytes whatever the
            manifest says.
    """

    manifest: Manifest
    content: bytes = field(repr=False)
    windows: bytes | None = field(repr=False)
    data: bytes = field(repr=False)
    linux: bytes = field(repr=False)
    digest: str
    code: Mapping[str, bytes] = field(repr=False, eq=False)

    def structure(self, half: str) -> str:
        """Digest of all of a half but its content: artifacts of one structure differ in content
        only."""
        return structure_digest(self.manifest, half, self.code[half])

    def windows_object(self) -> bytes:
        """The Windows object.

        Returns:
            A complete ELF object for the Windows tools.

        Raises:
            ArtifactError: BPFC0763, there is none.
        """
        if self.windows is None:
            raise ArtifactError(
                "BPFC0763",
                "the artifact has no Windows half: no rule of the policy can be carried there",
                "`bpfc compile` prints why, rule by rule",
            )
        return self.windows


def load_artifact(path: str | Path) -> Artifact:
    """Read and check the artifact in a file.

    Args:
        path: place of the file.

    Returns:
        The artifact.

    Raises:
        ArtifactError: BPFC0751 if the file cannot be read, else as `open_artifact`.
    """
    remedy = "Give the path of a file that `bpfc compile` wrote"
    try:
        # A device or a pipe could block, or never end.
        status = Path(path).stat()
        if stat.S_ISDIR(status.st_mode):
            raise ArtifactError("BPFC0751", f"{path} is a directory", remedy)
        if not stat.S_ISREG(status.st_mode):
            raise ArtifactError("BPFC0751", f"{path} is not a regular file", remedy)
        if status.st_size > limits.FILE_MAX:
            raise ArtifactError(
                "BPFC0752", f"{path} has {status.st_size} bytes, more than an artifact can", remedy
            )
        data = Path(path).read_bytes()
    except OSError as error:
        raise ArtifactError("BPFC0751", f"{path}: {error.strerror}", remedy) from error
    except ValueError as error:  # a NUL in the path
        raise ArtifactError("BPFC0751", f"{str(path)!r} is not a path", remedy) from error
    return open_artifact(data)


def open_artifact(data: bytes) -> Artifact:
    """Check the bytes of an artifact and take it apart.

    Args:
        data: the whole file.

    Returns:
        The artifact; its parts are consistent with each other.

    Raises:
        ArtifactError: BPFC0752 to BPFC0762; never another exception.
    """
    view = read_object(data, _WHOLE)
    if MANIFEST_SECTION not in view.sections:
        raise ArtifactError(
            "BPFC0756",
            "the file is a BPF object but not an artifact of bpfc: it has no manifest",
            "Give the file that `bpfc compile` wrote",
        )
    _check_digest(data, view)
    manifest = parse_manifest(_content(data, view, MANIFEST_SECTION, limits.MANIFEST_BYTES_MAX))
    content = _content(data, view, CONTENT_SECTION, limits.CONTENT_BYTES_MAX)
    check_manifest(manifest)
    check_object("Linux", manifest.linux, view, len(content))
    windows, windows_code = _windows(data, view, manifest, len(content))
    code = {"linux": code_digest(data, view), "windows": windows_code}
    digest = hashlib.sha256(data).hexdigest()
    return Artifact(manifest, content, windows, data, reveal_optional(data), digest, code)


def digest_place(data: bytes) -> int:
    """Where the digest of an artifact stands, for the side that writes it.

    Args:
        data: the bytes of an artifact.

    Returns:
        The offset of DIGEST_SIZE bytes.

    Raises:
        ArtifactError: as `open_artifact`.
    """
    return _digest_place(read_object(data, _WHOLE))


def _digest_place(view: ObjectView) -> int:
    """The offset of the digest."""
    place = view.sections.get(DIGEST_SECTION)
    if place is None or place.size != DIGEST_SIZE:
        raise ArtifactError("BPFC0757", "the artifact has no digest", "Compile the rules again")
    return place.offset


def _check_digest(data: bytes, view: ObjectView) -> None:
    """Refuse a file of which any bit has changed since it was written."""
    at = _digest_place(view)
    digest = hashlib.sha256(memoryview(data)[:at])
    digest.update(bytes(DIGEST_SIZE))
    digest.update(memoryview(data)[at + DIGEST_SIZE :])
    if digest.digest() != data[at : at + DIGEST_SIZE]:
        raise ArtifactError(
            "BPFC0757",
            "the artifact has changed since it was compiled: its digest does not match",
            "Copy the file again from where it was made, or compile the rules again",
        )


def _content(data: bytes, view: ObjectView, name: str, limit: int) -> bytes:
    """The content of a section that has to exist."""
    place = view.sections.get(name)
    if place is None or place.size > limit:
        raise ArtifactError(
            "BPFC0755", f"section {name} is missing or too large", "Compile the rules again"
        )
    return data[place.offset : place.offset + place.size]


def _windows(
    data: bytes, view: ObjectView, manifest: Manifest, content_size: int
) -> tuple[bytes | None, bytes]:
    """The Windows object, if the manifest has a Windows half, and the digest of its programs."""
    if (manifest.windows is None) != (WINDOWS_SECTION not in view.sections):
        raise ArtifactError(
            "BPFC0762",
            "the artifact contradicts itself: manifest and file disagree on a Windows half",
            "Compile the rules again",
        )
    if manifest.windows is None:
        return None, b""
    windows = _content(data, view, WINDOWS_SECTION, limits.FILE_MAX)
    inner = read_object(windows, "the Windows half")
    check_object("Windows", manifest.windows, inner, content_size)
    return windows, code_digest(windows, inner)
