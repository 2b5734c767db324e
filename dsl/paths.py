"""What the language knows about paths: directory aliases and separators.

Distributions merge `/bin` into `/usr/bin` and `/var/run` into `/run`. A rule's author writes either
form and means both, so a path literal stands for all its aliases unless the test says `exact`.
"""

from functools import lru_cache

# Both spellings of one directory (file-hierarchy(7), "the /usr merge").
_ALIASES: tuple[tuple[bytes, bytes], ...] = (
    (b"/bin", b"/usr/bin"),
    (b"/sbin", b"/usr/sbin"),
    (b"/lib", b"/usr/lib"),
    (b"/lib32", b"/usr/lib32"),
    (b"/lib64", b"/usr/lib64"),
    (b"/libx32", b"/usr/libx32"),
    (b"/var/run", b"/run"),
)


@lru_cache(4096)
def aliases(literal: bytes) -> tuple[bytes, ...]:
    """All spellings of a path, or of the beginning of a path.

    Args:
        literal: a path as a rule writes it.

    Returns:
        The literal itself first, then its aliases; no duplicates.
    """
    found = [literal]
    for pair in _ALIASES:
        for here, there in (pair, pair[::-1]):
            if literal == here or literal.startswith(here + b"/"):
                found.append(there + literal[len(here) :])
    return tuple(found)


def canonical(path: bytes) -> bytes:
    """The spelling under which run-time sets keep a path: the shortest of all its aliases.

    Args:
        path: a whole path.

    Returns:
        Equal bytes for all spellings of one path.
    """
    return min(aliases(path), key=len)


def separator(literal: bytes) -> bytes:
    r"""The character between components of the path that a literal writes.

    Args:
        literal: a path; one with a drive letter or a leading backslash is a Windows path.

    Returns:
        A backslash for a Windows path, else a slash.
    """
    windows = literal[1:2] == b":" or literal.startswith(b"\\")
    return b"\\" if windows else b"/"


def directory(literal: bytes) -> bytes:
    """A directory without separators at its end, as `under` compares it ("/tmp/" is "/tmp")."""
    return literal.rstrip(separator(literal))
