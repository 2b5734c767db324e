"""What a pattern means: a plain search over its tree, the reference for compiled automata.

A pattern is found if it matches some part of the text (RE2's partial match); globs and anchors
bring the ends with them. Which of several matches is found makes no difference.
"""

import codecs

from dsl.patterns.classes import WORD
from dsl.patterns.tree import Chars, Choice, Look, Node, Repeat, Sequence

_NEWLINE = 0x0A


def found(node: Node, text: bytes, cut: bool = False) -> bool:
    """Whether a pattern is found in a text.

    Args:
        node: the pattern.
        text: UTF-8, or what stands in its place.
        cut: whether the text goes on behind these bytes: nothing is known of its end then.

    Returns:
        True if it is found in what is there.
    """
    codes = [ord(char) for char in _decoded(text, cut)]
    places = frozenset(range(len(codes) + 1))
    return bool(_ends(node, codes, cut, places))


def _decoded(text: bytes, cut: bool) -> str:
    """The characters that are certain: where a cut text ends inside one, that is none yet."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    known = decoder.decode(text, final=not cut)
    waiting, _ = decoder.getstate()
    # Python waits for the third byte of a surrogate too (it has "surrogatepass" in mind), but no
    # third byte makes ED A0..BF valid UTF-8.
    if waiting[:1] == b"\xed" and waiting[1:] >= b"\xa0":
        known += decoder.decode(b"", final=True)
    return known


def _ends(node: Node, codes: list[int], cut: bool, starts: frozenset[int]) -> frozenset[int]:
    """Places at which matches end that begin at one of `starts`."""
    match node:
        case Chars():
            return frozenset(at + 1 for at in starts if at < len(codes) and node.has(codes[at]))
        case Look():
            return frozenset(at for at in starts if _holds(node, codes, cut, at))
        case Sequence():
            for item in node.items:
                starts = _ends(item, codes, cut, starts)
            return starts
        case Choice():
            return frozenset().union(*(_ends(item, codes, cut, starts) for item in node.items))
        case Repeat():
            return _repeated(node, codes, cut, starts)


def _repeated(node: Repeat, codes: list[int], cut: bool, starts: frozenset[int]) -> frozenset[int]:
    """Some places repeat themselves after at most as many rounds as there are places."""
    for _ in range(node.low):
        starts = _ends(node.item, codes, cut, starts)
    reached, last = set(starts), starts
    rounds = len(codes) + 1 if node.high is None else node.high - node.low
    for _ in range(rounds):
        last = _ends(node.item, codes, cut, last) - reached
        if not last:
            break
        reached |= last
    return frozenset(reached)


def _holds(look: Look, codes: list[int], cut: bool, at: int) -> bool:
    """Whether a condition holds at a place; where it depends on what is cut off, it does not."""
    last = at == len(codes)
    if look is Look.START:
        return at == 0
    if look is Look.LINE_START:
        return at == 0 or codes[at - 1] == _NEWLINE
    if last and cut:
        return False
    if look is Look.END:
        return last
    if look is Look.LINE_END:
        return last or codes[at] == _NEWLINE
    before = at > 0 and WORD.has(codes[at - 1])
    behind = not last and WORD.has(codes[at])
    return (before != behind) == (look is Look.BOUNDARY)
