"""Automata that report what they find, and several of them as one.

A machine reads a text once. Arriving at a state, and at the text's end, it reports identities, as
bits of an int. What was reported stays reported, so a machine may forget it at once: that keeps
products small.
"""

from collections.abc import Sequence

from attrs import frozen

from compiler.plan.patterns.partition import Partition, common

# States of a product; several machines run over a text where one would have more.
PRODUCT_MAX = 4_096
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
    lefts = [pair[0] for pair in pairs]
    rights = [pair[1] for pair in pairs]
    width = len(right.rows)
    scaled = [[target * width for target in row] for row in left.rows]
    numbers = {0: 0}
    waiting = [0]
    rows: list[tuple[int, ...]] = []
    for state in waiting:  # grows while it is walked
        one, two = scaled[state // width], right.rows[state % width]
        row = []
        for a, b in zip(lefts, rights, strict=True):
            target = one[a] + two[b]
            number = numbers.get(target)
            if number is None:
                number = numbers[target] = len(waiting)
                waiting.append(target)
            row.append(number)
        if len(waiting) > most:
            return None
        rows.append(tuple(row))
    return Machine(
        partition,
        tuple(rows),
        tuple(left.found[s // width] | right.found[s % width] for s in waiting),
        tuple(left.at_end[s // width] | right.at_end[s % width] for s in waiting),
    )


def joined(machines: Sequence[Machine], most: int = PRODUCT_MAX) -> list[Machine]:
    """As few machines as reasonable that find what all of them find.

    Neighbours are joined in rounds, as long as a product stays about as big as its parts together;
    patterns with a gap in them (`a.*b`) multiply, so a machine takes only a few of those.

    Args:
        machines: at least one; neighbours should be alike.
        most: states of a product.

    Returns:
        Machines whose products were too big.
    """
    done: list[Machine] = []
    waiting = list(machines)
    while len(waiting) > 1:
        following: list[Machine] = []
        for at in range(0, len(waiting) - 1, 2):
            left, right = waiting[at], waiting[at + 1]
            both = len(left.rows) + len(right.rows)
            found = product(left, right, min(most, max(_SMALL, _GROWTH * both)))
            if found is None:
                done += (left, right)
            else:
                following.append(found)
        if len(waiting) % 2:
            following.append(waiting[-1])
        waiting = following
    return _packed(done + waiting, most)


def _packed(machines: list[Machine], most: int) -> list[Machine]:
    """What is left over after the rounds, joined where it fits after all: small ones first."""
    result: list[Machine] = []
    for machine in sorted(machines, key=lambda item: len(item.rows)):
        for at, other in enumerate(result):
            both = len(machine.rows) + len(other.rows)
            found = product(other, machine, min(most, max(_SMALL, _GROWTH * both)))
            if found is not None:
                result[at] = found
                break
        else:
            result.append(machine)
    return result
