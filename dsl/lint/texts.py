"""What one text test says about another: which follows, which cannot be true at the same time.

The answers hold for every text, also for one of which only the beginning was examined: there a test
is true only if what was examined makes it true, and what follows from that stands there too.
"""

from collections.abc import Callable
from itertools import product

from attrs import frozen

from dsl.catalogue import Kind
from dsl.paths import aliases, directory, separator
from dsl.typed import Op, Test

_ALIASED = (Op.EQ, Op.STARTSWITH, Op.UNDER)
_PLAIN = (Op.EQ, Op.STARTSWITH, Op.ENDSWITH, Op.CONTAINS, Op.UNDER)
_PAIRS = 4096  # of values that are compared with each other; beyond that nothing is said


@frozen
class _Atom:
    """A text against one spelling of one value."""

    op: Op
    pattern: bytes
    nocase: bool


def follows(test: Test, other: Test) -> bool:
    """Whether `other` is true wherever `test` is.

    Args:
        test: on a text field, not on elements.
        other: on the same field.

    Returns:
        False also where that could not be found out.
    """
    ones, others = _atoms(test), _atoms(other)
    if test.op is other.op is Op.EQ and test.nocase == other.nocase:
        return _spellings(ones) <= _spellings(others)
    if not _comparable(ones, others):
        return False
    if other.every:
        return all(_one_implies(test, ones, [spellings]) for spellings in others)
    return _one_implies(test, ones, others)


def excludes(test: Test, other: Test) -> bool:
    """Whether no text satisfies both; arguments and doubt as for `follows`."""
    ones, others = _atoms(test), _atoms(other)
    if test.op is other.op is Op.EQ:
        return not _lowered(ones) & _lowered(others)
    if not _comparable(ones, others):
        return False
    # Of a test of all values one value is enough for a contradiction.
    one = any if test.every else all
    two = any if other.every else all
    return one(two(_none(a, b, _exclude) for b in others) for a in ones)


def _atoms(test: Test) -> list[list[_Atom]]:
    """For each value its spellings; none for what cannot be compared."""
    if test.op not in _PLAIN:
        return []
    aliased = test.field.kind is Kind.PATH and not test.exact and test.op in _ALIASED
    found = []
    for value in test.values:
        assert isinstance(value, bytes)
        pattern = value.lower() if test.nocase else value
        spelled = aliases(pattern) if aliased else (pattern,)
        found.append([_Atom(test.op, each, test.nocase) for each in spelled])
    return found


def _lowered(found: list[list[_Atom]]) -> set[bytes]:
    """All spellings in lower case: Windows compares paths so."""
    return {pattern.lower() for pattern in _spellings(found)}


def _spellings(found: list[list[_Atom]]) -> set[bytes]:
    return {atom.pattern for spelled in found for atom in spelled}


def _comparable(ones: list[list[_Atom]], others: list[list[_Atom]]) -> bool:
    return bool(ones and others) and len(ones) * len(others) <= _PAIRS


def _one_implies(test: Test, ones: list[list[_Atom]], others: list[list[_Atom]]) -> bool:
    """Whether a test makes one of the other values true."""
    targets = [atom for spelled in others for atom in spelled]
    enough = any if test.every else all
    return enough(all(any(_implies(a, b) for b in targets) for a in spelled) for spelled in ones)


def _none(ones: list[_Atom], others: list[_Atom], rule: Callable[[_Atom, _Atom], bool]) -> bool:
    return all(rule(a, b) for a, b in product(ones, others))


def _implies(a: _Atom, b: _Atom) -> bool:
    """Whether every text that satisfies a satisfies b."""
    if a.nocase and not b.nocase:
        return False
    p, q = a.pattern.lower() if b.nocase else a.pattern, b.pattern
    match a.op, b.op:
        case Op.EQ, _:
            return _holds(b.op, p, q)
        case Op.STARTSWITH, Op.STARTSWITH:
            return p.startswith(q)
        case Op.STARTSWITH, Op.UNDER:
            return p.startswith(directory(q) + separator(q))
        case Op.ENDSWITH, Op.ENDSWITH:
            return p.endswith(q)
        case Op.UNDER, Op.STARTSWITH:
            return directory(p).startswith(q)
        case Op.UNDER, Op.UNDER:
            return _holds(Op.UNDER, directory(p), q)
        case Op.UNDER, Op.CONTAINS:
            return q in directory(p)
        case _, Op.CONTAINS:
            return q in p
        case _:
            return False


def _exclude(a: _Atom, b: _Atom) -> bool:
    """Whether no text satisfies both, in whatever case."""
    p, q = a.pattern.lower(), b.pattern.lower()
    match a.op, b.op:
        case Op.EQ, _:
            return not _holds(b.op, p, q)
        case _, Op.EQ:
            return not _holds(a.op, q, p)
        case Op.ENDSWITH, Op.ENDSWITH:
            return not (p.endswith(q) or q.endswith(p))
        case ((Op.STARTSWITH | Op.UNDER), (Op.STARTSWITH | Op.UNDER)):
            first, second = _begin(a.op, p), _begin(b.op, q)
            return not (first.startswith(second) or second.startswith(first))
        case _:
            return False


def _begin(op: Op, pattern: bytes) -> bytes:
    """How texts begin that satisfy a test."""
    return directory(pattern) if op is Op.UNDER else pattern


def _holds(op: Op, text: bytes, pattern: bytes) -> bool:
    """Whether a text satisfies a test, both in the same case."""
    match op:
        case Op.EQ:
            return text == pattern
        case Op.STARTSWITH:
            return text.startswith(pattern)
        case Op.ENDSWITH:
            return text.endswith(pattern)
        case Op.CONTAINS:
            return pattern in text
        case _:
            root = directory(pattern)
            return text == root or text.startswith(root + separator(pattern))
