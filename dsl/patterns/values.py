"""Patterns as rules write them: from the text of a glob or a regular expression to its tree."""

from functools import lru_cache

from dsl.paths import aliases
from dsl.patterns import glob, regex
from dsl.patterns.tree import Node, choice


@lru_cache(maxsize=8192)
def regex_of(value: bytes, nocase: bool) -> Node:
    """The tree of a regular expression that the checker has accepted.

    Args:
        value: its text, UTF-8.
        nocase: whether ASCII letters fold.
    """
    return regex.parse(value.decode("utf-8"), nocase)


@lru_cache(maxsize=8192)
def glob_of(
    value: bytes, nocase: bool, path: bool, aliased: bool = False, separators: str = "/"
) -> Node:
    """The tree of a glob that the checker has accepted.

    Args:
        value: its text, UTF-8.
        nocase: whether ASCII letters fold.
        path: whether it is compared with a path.
        aliased: whether directory aliases stand for one another at its beginning.
        separators: what separates the components of the path.
    """
    spellings = aliases(value) if aliased else (value,)
    return choice(glob.parse(item.decode("utf-8"), nocase, path, separators) for item in spellings)
