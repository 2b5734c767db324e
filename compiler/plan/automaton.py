"""Aho-Corasick over anchored literals: the trie, its failure links, and what each state emits.

Symbols are code units: bytes of UTF-8, or 16-bit units of UTF-16 on Windows. Two more symbols stand
for the text's two ends, so `^x$` is an ordinary word START x END. `compiler.plan.steps` turns the
result into tables of byte steps.

A. V. Aho and M. J. Corasick, Efficient string matching, CACM 18(6), 1975.
"""

import struct
from collections.abc import Sequence

from attrs import frozen

# Behind every 16-bit code unit.
START = 0x10000
END = 0x10001

_NUL, _SPACE = 0, 0x20


@frozen
class Needle:
    """A literal to find.

    Args:
        text: UTF-8.
        start: only at the start of the text (or of a list's element).
        end: only at its end.
    """

    text: bytes
    start: bool
    end: bool


@frozen
class Alphabet:
    """How a text is read as symbols.

    Args:
        wide: UTF-16LE code units instead of bytes.
        nocase: ASCII letters are folded.
        joined: NUL reads as a space (a command line).
        elements: NUL ends an element of a list; the text's ends count as NUL.
    """

    wide: bool
    nocase: bool
    joined: bool
    elements: bool

    @property
    def end(self) -> int:
        """The symbol behind the last unit."""
        return _NUL if self.elements else END

    @property
    def start(self) -> int:
        """The symbol before the first unit."""
        return _NUL if self.elements else START

    def fold(self, unit: int) -> int:
        """The unit that stands for all units this one is equal to."""
        if self.joined and unit == _NUL:
            return _SPACE
        if self.nocase and 0x41 <= unit <= 0x5A:
            return unit + 0x20
        return unit

    def spellings(self, unit: int) -> tuple[int, ...]:
        """All units that fold to this one."""
        found = [unit]
        if self.nocase and 0x61 <= unit <= 0x7A:
            found.append(unit - 0x20)
        if self.joined and unit == _SPACE:
            found.append(_NUL)
        return tuple(found)

    def word(self, needle: Needle) -> tuple[int, ...] | None:
        """A needle as symbols.

        Args:
            needle: the literal.

        Returns:
            Its word, or None if no text of this alphabet contains it (not UTF-8 where texts are
            UTF-16, or a NUL where NUL separates).
        """
        units: Sequence[int] = needle.text
        if self.wide:
            try:
                wide = needle.text.decode("utf-8").encode("utf-16-le")
            except UnicodeDecodeError:
                return None
            units = struct.unpack(f"<{len(wide) // 2}H", wide)
        if self.elements and _NUL in units:
            return None
        body = tuple(self.fold(unit) for unit in units)
        before = (self.start,) if needle.start else ()
        behind = (self.end,) if needle.end else ()
        return before + body + behind


@frozen
class Automaton:
    """An Aho-Corasick automaton over symbols; state 0 is the root.

    Args:
        alphabet: how texts are read.
        children: by state, the states that continue a word, by symbol.
        fail: by state, the state of the longest proper suffix that begins some word.
        order: all states but the root, breadth first (a state's `fail` comes before it).
        outs: by state, numbers of the needles whose occurrence ends here.
    """

    alphabet: Alphabet
    children: tuple[dict[int, int], ...]
    fail: tuple[int, ...]
    order: tuple[int, ...]
    outs: tuple[tuple[int, ...], ...]

    def units(self) -> list[int]:
        """All units in words, sorted; the two ends are not units."""
        found = {symbol for children in self.children for symbol in children}
        return sorted(found - {START, END})

    def quiet(self) -> list[int]:
        """States that emit nothing, the root first."""
        return [0, *(state for state in self.order if not self.outs[state])]

    def emitting(self) -> list[int]:
        """States that emit something, breadth first."""
        return [state for state in self.order if self.outs[state]]


def build(needles: Sequence[Needle], alphabet: Alphabet) -> Automaton:
    """The automaton of some literals.

    Args:
        needles: what to find; a needle that no text of the alphabet contains is left out.
        alphabet: how texts are read.

    Returns:
        The automaton; its `outs` name needles by their place in `needles`.
    """
    children, ends = _trie([alphabet.word(needle) for needle in needles])
    fail = [0] * len(children)
    outs: list[tuple[int, ...]] = [tuple(found) for found in ends]
    order = list(children[0].values())
    for state in order:  # grows while it is walked
        for symbol, child in children[state].items():
            order.append(child)
            fail[child] = _suffix(children, fail, fail[state], symbol)
            below = outs[fail[child]]
            if below:
                outs[child] = below + outs[child] if outs[child] else below
    return Automaton(alphabet, tuple(children), tuple(fail), tuple(order), tuple(outs))


def _trie(
    words: Sequence[tuple[int, ...] | None],
) -> tuple[list[dict[int, int]], list[list[int]]]:
    """Children by symbol and ending words of each node."""
    children: list[dict[int, int]] = [{}]
    ends: list[list[int]] = [[]]
    for number, word in enumerate(words):
        if word is None:
            continue
        node = 0
        for symbol in word:
            found = children[node].get(symbol)
            if found is None:
                found = children[node][symbol] = len(children)
                children.append({})
                ends.append([])
            node = found
        ends[node].append(number)
    return children, ends


def _suffix(children: list[dict[int, int]], fail: list[int], state: int, symbol: int) -> int:
    """Where `symbol` leads from `state`, or from the nearest suffix that has it."""
    while state and symbol not in children[state]:
        state = fail[state]
    return children[state].get(symbol, 0)
