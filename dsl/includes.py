"""All files of a policy: the ones that the user named and the ones that these include."""

import posixpath
from collections.abc import Callable, Sequence

from attrs import Factory, define, evolve, frozen

from dsl.cycles import report_cycles
from dsl.diagnostics import Collector, shown
from dsl.parser import parse
from dsl.span import Span
from dsl.syntax import File, Include

MAX_FILES = 1_000
MAX_TOTAL = 64 << 20  # bytes or characters of all files together

Load = Callable[[str], str | bytes]
Decode = Callable[[str, str | bytes, Collector], str | None]


@frozen
class Files:
    """What could be read.

    Args:
        files: syntax trees, an included file in front of the one that includes it.
        sources: (name, text) in the same order.
        names: of all files in the same order, also of those that could not be read.
        complete: whether all could be read.
    """

    files: tuple[File, ...]
    sources: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    complete: bool


def read(
    text_by_name: Sequence[tuple[str, str | bytes]],
    load: Load | None,
    decode: Decode,
    report: Collector,
) -> Files:
    """Parse the named files and everything they include, each once.

    Args:
        text_by_name: (name, content) of the files that the user named.
        load: gives the content of a file by its name; raises OSError. None: there are no files.
        decode: makes text of a content, or reports why it cannot.
        report: takes diagnostics.

    Returns:
        All files.
    """
    reader = _Reader(load, decode, report)
    for name, content in text_by_name:
        reader.parse(name, content, None)
    roots = list(reader.names)
    reader.follow()
    report_cycles("file", "BPFC0005", {}, reader.uses, report, verb="includes")
    order = _order(roots, {key: list(uses) for key, uses in reader.uses.items()})
    return Files(
        files=tuple(reader.files[key] for key in order if key in reader.files),
        sources=tuple(reader.sources[key] for key in order if key in reader.sources),
        names=tuple(reader.names[key] for key in order),
        complete=reader.complete and bool(reader.files),
    )


@define
class _Reader:
    """Reads files; keys are names without detours, so that one file has one key."""

    load: Load | None
    decode: Decode
    report: Collector
    names: dict[str, str] = Factory(dict)
    files: dict[str, File] = Factory(dict)
    sources: dict[str, tuple[str, str]] = Factory(dict)
    uses: dict[str, dict[str, Span]] = Factory(dict)
    waiting: list[str] = Factory(list)
    total: int = 0
    complete: bool = True

    def parse(self, name: str, content: str | bytes, place: Span | None) -> None:
        """Read one file, which is included at `place` or named by the user."""
        key = posixpath.normpath(name)
        if place is None and key in self.names:
            key = f"{key} {len(self.names)}"  # named twice: its names are reported as given twice
        self.names[key] = name
        self.uses[key] = {}
        self.total += len(content)
        text = self.decode(name, content, self.report)
        file = None if text is None else parse(name, text, self.report)
        if text is not None:
            self.sources[key] = (name, text)
        if file is None:
            self.complete = False
            return
        self.files[key] = evolve(file, included=place)
        self.waiting.append(key)

    def follow(self) -> None:
        """Read what the files include, and what those include."""
        for key in self.waiting:  # grows
            for item in self.files[key].items:
                if isinstance(item, Include) and not self._include(key, item):
                    self.complete = False
                    if len(self.names) >= MAX_FILES or self.total > MAX_TOTAL:
                        return

    def _include(self, key: str, item: Include) -> bool:
        """Read one included file; False after a diagnostic."""
        path = item.path.value
        if not path or path.startswith("/"):
            return self._unreadable(item, "the path is not relative to this file")
        name = posixpath.normpath(posixpath.join(posixpath.dirname(self.names[key]), path))
        self.uses[key].setdefault(name, item.path.span)
        if name in self.names:
            return True
        if len(self.names) >= MAX_FILES or self.total > MAX_TOTAL:
            self.report.error(
                "BPFC0006",
                f"the policy has more than {MAX_FILES:,} files, or {MAX_TOTAL >> 20} MiB",
                item.path.span,
                remedy="split the policy",
            )
            return False
        if self.load is None:
            return self._unreadable(item, "there are no other files here")
        try:
            content = self.load(name)
        except OSError as error:
            return self._unreadable(item, error.strerror or "it cannot be read")
        self.parse(name, content, item.path.span)
        return True

    def _unreadable(self, item: Include, why: str) -> bool:
        """Report a file that cannot be included."""
        self.report.error(
            "BPFC0004",
            f"`{shown(item.path.value)}` cannot be included: {why}",
            item.path.span,
            remedy="write a path that begins at the directory of this file, such as "
            '"lists/shells.det"',
        )
        return False


def _order(roots: Sequence[str], uses: dict[str, list[str]]) -> list[str]:
    """All files, each behind those that it includes, as far as there are no cycles."""
    order: dict[str, None] = {}
    seen: set[str] = set()
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        key, complete = stack.pop()
        if complete:
            order[key] = None
        elif key not in seen and key in uses:
            seen.add(key)
            stack.append((key, True))
            stack += [(used, False) for used in reversed(uses[key])]
    return list(order)
