"""Automata that report what they find, and several of them as one.

A machine reads a text once. Arriving at a state, and at the text's end, it reports identities, as
bits of an int. What was reported stays reported, so a machine may forget it at once: that keeps
products small.
"""

from collections.abc import Sequence
from operator import add

from attrs import frozen

from compiler.plan.patterns.partition import Partition, common

# States of a product; several machines run over a text where one would have more.
PRODUCT_MAX = 1_024
# A product may have that many times the states of its parts.
_GROWTH = 3
_SMALL = 192


@frozen
class Machine:
    """An automaton over classes of code points; state 0 is the first.

    Args:
        partition: its classes.
        rows: by state, the next state of each class.
        found: by state, what is found on arriving there. Nothing is, in state 0 at the start.
        at_end: by state, what is found if the text ends there.
    """

    partition: Partition
    rows: tuple[tuple[int, ...], ...]
    found: tuple[int, ...]
    at_end: tuple[int, ...]


def product(left: Machine, right: Machine, most: int) -> Machine | None:
    """A machine that finds what two find.

    Args:
        left, right: the two.
        most: states it may have.

    Returns:
        The machine, or None if it would have more states.
    """
    partition, pairs = common(left.partition, right.partition)
    width = len(right.rows)
    # Each part's rows over the common classes; the left state counts in steps of `width`.
    lefts = [[row[a] * width for a, _ in pairs] for row in left.rows]
    rights = [[row[b] for _, b in pairs] for row in right.rows]
    numbers = {0: 0}
    waiting = [0]
    rows: list[tuple[int, ...]] = []
    for state in waiting:  # grows while it is walked
        targets = list(map(add, lefts[state // width], rights[state % width]))
        for target in targets:
            if target not in numbers:
                numbers[target] = len(waiting)
                waiting.append(target)
        if len(waiting) > most:
            return None
        rows.append(tuple(map(numbers.__getitem__, targets)))
    return Machine(
        partition,
        tuple(rows),
        tuple(left.found[s // width] | right.found[s % width] for s in waiting),
        tuple(left.at_end[s // width] | right.at_end[s % width] for s in waiting),
    )


def joined(machines: Sequence[Machine], most: int = PRODUCT_MAX) -> list[Machine]:
    """As few machines as reasonable that find what all of them find.

    Machines whose states add up are joined in rounds, as long as they do. Patterns with gaps in
    them (`a.*b`) multiply, so of those a machine takes as many as its states allow, one after the
    other.

    Args:
        machines: at least one.
        most: states of a product.

    Returns:
        Machines whose products were too big.
    """
    plain = [machine for machine in machines if _resting(machine) < 2]
    gaps = [machine for machine in machines if _resting(machine) > 1]
    result = _rounds(sorted(plain, key=_alike), most)
    open_machine: Machine | None = None
    for machine in sorted(gaps, key=lambda item: len(item.rows)):
        found = product(open_machine, machine, most) if open_machine else machine
        if found is None and open_machine is not None:
            result.append(open_machine)
            found = machine
        open_machine = found
    return [*result, open_machine] if open_machine else result


def _rounds(machines: Sequence[Machine], most: int) -> list[Machine]:
    """Neighbours joined in rounds, as long as a product is about as big as its parts together."""
    done: list[Machine] = []
    waiting = list(machines)
    while len(waiting) > 1:
        following: list[Machine] = []
        for left, right in zip(waiting[::2], waiting[1::2], strict=False):
            both = len(left.rows) + len(right.rows)
            found = product(left, right, min(most, max(_SMALL, _GROWTH * both)))
            if found is None:
                done += (left, right)
            else:
                following.append(found)
        if len(waiting) % 2:
            following.append(waiting[-1])
        waiting = following
    return done + waiting


def _resting(machine: Machine) -> int:
    """States in which a machine stays over most classes, other than where nothing is found any
    more: it remembers something for any length of text there."""
    return sum(
        2 * row.count(state) > len(row) and not _hopeless(machine, state)
        for state, row in enumerate(machine.rows)
    )


def _hopeless(machine: Machine, state: int) -> bool:
    silent = not machine.found[state] and not machine.at_end[state]
    return silent and set(machine.rows[state]) == {state}


def _alike(machine: Machine) -> tuple[bool, int]:
    """What is anchored first, then by size: neighbours multiply least."""
    anchored = any(_hopeless(machine, state) for state in range(len(machine.rows)))
    return not anchored, len(machine.rows)
