"""Warnings that a policy turns off: `allow BPFC0501`, in a rule or for a file."""

from collections.abc import Collection, Iterator, Sequence

from attrs import frozen

from dsl.codes import load
from dsl.diagnostics import Collector, Diagnostic, nearest, shown
from dsl.span import Span
from dsl.syntax import Allow, File, Header, Name, Override, Rule

_UNUSED = "BPFC0521"


@frozen
class _Scope:
    """Where a code is allowed.

    Args:
        code: as written.
        places: from where to where; a place in file "" means everywhere.
    """

    code: Name
    places: tuple[Span, ...]

    def covers(self, item: Diagnostic) -> bool:
        """Whether it turns a finding off."""
        return item.code == self.code.text and any(
            not place.file
            or (place.file == item.span.file and place.start <= item.span.start <= place.end)
            for place in self.places
        )


def warnings() -> frozenset[str]:
    """Codes of the front end that can be turned off."""
    found = load().values()
    return frozenset(item.code for item in found if item.title.startswith("Warning: "))


def silence(files: Sequence[File], allow: Collection[str], report: Collector) -> None:
    """Take out what the policy, or who checks it, allows.

    Args:
        files: the syntax trees of all files.
        allow: codes that are allowed everywhere.
        report: holds every finding; afterwards also those about `allow` itself.
    """
    known = warnings()
    scopes = [scope for scope in _scopes(files) if _is_known(scope.code, known, report)]
    used: set[Span] = set()
    kept = []
    for item in report.items:
        covering = [scope for scope in scopes if scope.covers(item)]
        used |= {scope.code.span for scope in covering}
        wanted = not covering and (item.severity == "error" or item.code not in allow)
        kept += [item] if wanted else []
    report.items[:] = kept
    if report.has_errors:
        return  # which may be why a warning is missing
    if _UNUSED in {*allow, *(scope.code.text for scope in scopes)}:
        return
    for scope in scopes:
        if scope.code.span not in used:
            report.warning(
                _UNUSED,
                f"`allow {scope.code.text}` turns nothing off",
                scope.code.span,
                remedy="leave it out",
            )


def _scopes(files: Sequence[File]) -> Iterator[_Scope]:
    """Every code of every `allow`."""
    rules = {
        item.name.text: item.whole
        for file in files
        for item in file.items
        if isinstance(item, Rule) and item.name
    }
    for file in files:
        everywhere = file.included is None and any(isinstance(i, Header) for i in file.items)
        for item in file.items:
            if isinstance(item, Allow):
                end = Span("" if everywhere else file.name, 0, 1 << 62, 1, 1)
                yield from (_Scope(code, (end,)) for code in item.codes)
            elif isinstance(item, Rule | Override):
                places = [item.whole]
                if isinstance(item, Override) and item.name and item.name.text in rules:
                    places.append(rules[item.name.text])
                for clause in item.clauses:
                    if isinstance(clause, Allow):
                        yield from (_Scope(code, tuple(places)) for code in clause.codes)


def _is_known(code: Name, known: frozenset[str], report: Collector) -> bool:
    """Whether a code is one of a warning; if not, an error."""
    if code.text in known:
        return True
    exists = code.text in load()
    report.error(
        "BPFC0319",
        f"`{shown(code.text)}` is {'an error' if exists else 'no code of a warning'}: it cannot be "
        "turned off",
        code.span,
        suggestion="" if exists else nearest(code.text, known),
        remedy="correct what it is about" if exists else "write a code such as BPFC0501",
    )
    return False
