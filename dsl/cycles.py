"""Cycles among declarations that use one another."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from attrs import Factory, frozen

from dsl.diagnostics import Collector, shown
from dsl.span import Span
from dsl.syntax import Name

# By name: the names that its declaration mentions, each with the first place.
Uses = Mapping[str, Mapping[str, Span]]
_CHAINS = 50  # cycles that are spelled out; nobody reads more, and each can be as long as the file
_LINKS = 12  # names of a chain and places of its links that are shown


@frozen
class _Search:
    """A depth-first search; `path` are the names between the root and the present one."""

    path: dict[str, Iterator[str]] = Factory(dict)
    done: set[str] = Factory(set)
    heads: dict[str, tuple[str, ...]] = Factory(dict)

    def run(self, root: str, uses: Uses) -> None:
        """Visit everything that `root` leads to."""
        self._enter(root, uses)
        while self.path:
            name = next(reversed(self.path))
            following = next(self.path[name], None)
            if following is None:
                del self.path[name]
                self.done.add(name)
            elif following in self.path:
                if following not in self.heads:
                    self.heads[following] = self._chain(following)
            elif following in uses and following not in self.done:
                self._enter(following, uses)

    def _enter(self, name: str, uses: Uses) -> None:
        if name not in self.done:
            self.path[name] = iter(uses[name])

    def _chain(self, head: str) -> tuple[str, ...]:
        """The names from `head` to the end of the path; none if enough are known."""
        if len(self.heads) >= _CHAINS:
            return ()
        names = list(self.path)
        return tuple(names[names.index(head) :])


def report_cycles(
    what: str,
    code: str,
    declared: Mapping[str, Name],
    uses: Uses,
    report: Collector,
    verb: str = "uses",
) -> frozenset[str]:
    """Report declarations that use themselves, directly or through others.

    Args:
        what: "macro", "list": for messages.
        code: of the diagnostic.
        declared: by name: where it is declared; of a name that is not in it, the place of its use
            counts.
        uses: what each mentions; names that are not declared do not matter.
        report: takes one error for each cycle, with its links.
        verb: what a declaration does with another.

    Returns:
        Names, at least one of every cycle: who leaves them out never walks in a circle.
    """
    search = _Search()
    for name in uses:
        search.run(name, uses)
    for chain in filter(None, search.heads.values()):
        names = (*chain, chain[0])
        links = list(pairwise(names))[:_LINKS]
        spelled = [shown(name) for name in names]
        if len(spelled) > _LINKS:
            spelled = [*spelled[: _LINKS - 2], "...", spelled[-1]]
        report.error(
            code,
            f"{what} `{shown(names[0])}` {verb} itself: {' -> '.join(spelled)}",
            declared[names[0]].span if names[0] in declared else uses[names[0]][names[1]],
            remedy="take one of these uses out",
            related=tuple((f"`{shown(a)}` {verb} `{shown(b)}` here", uses[a][b]) for a, b in links),
        )
    return frozenset(search.heads)
