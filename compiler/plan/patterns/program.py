"""A pattern as a program of small steps (Thompson), and what can be reached without a character.

K. Thompson, Regular expression search algorithm, CACM 11(6), 1968; the treatment of anchors follows
R. Cox, Regular Expression Matching in the Wild, 2010.
"""

from attrs import define, frozen

from dsl.patterns.tree import Chars, Choice, Look, Node, Repeat, Sequence

# What stands before or behind a place, as far as looks care.
EDGE, NEWLINE, WORD, OTHER = range(4)

MATCH = 0
_BEHIND = (Look.START, Look.LINE_START)  # decided by what stands before a place


@frozen
class Step:
    """One step: a character to take, a look, or several ways to go on.

    Args:
        chars: the character, or None.
        look: the look, or None.
        targets: steps behind it.
    """

    chars: Chars | None
    look: Look | None
    targets: tuple[int, ...]


class TooManySteps(Exception):
    """Written out, the pattern is too large."""


@define
class Program:
    """Steps of a pattern; step 0 is the match."""

    steps: list[Step]
    entry: int
    _closures: dict[tuple[int, int, int | None], int]

    def closure(self, step: int, before: int, behind: int | None) -> int:
        """What is reached from a step without a character.

        Args:
            step: number of the step.
            before: EDGE, NEWLINE, WORD or OTHER: what stands before the place.
            behind: what stands behind it, None if that is not known yet.

        Returns:
            A bit for each step that takes a character, for each look that cannot be decided yet,
            and for the match.
        """
        key = (step, before, behind)
        found = self._closures.get(key)
        if found is None:
            found = self._closures[key] = self._reach(step, before, behind)
        return found

    def _reach(self, first: int, before: int, behind: int | None) -> int:
        seen, waiting, found = {first}, [first], 0
        while waiting:
            number = waiting.pop()
            step = self.steps[number]
            if step.chars is not None or number == MATCH:
                found |= 1 << number
                continue
            if step.look is not None:
                if behind is None and step.look not in _BEHIND:
                    found |= 1 << number
                    continue
                if not holds(step.look, before, behind):
                    continue
            for target in step.targets:
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)
        return found


def holds(look: Look, before: int, behind: int | None) -> bool:
    """Whether a look is true at a place."""
    match look:
        case Look.START:
            return before == EDGE
        case Look.LINE_START:
            return before in (EDGE, NEWLINE)
        case Look.END:
            return behind == EDGE
        case Look.LINE_END:
            return behind in (EDGE, NEWLINE)
        case Look.BOUNDARY:
            return (before == WORD) != (behind == WORD)
        case Look.INSIDE:
            return (before == WORD) == (behind == WORD)


def program_of(node: Node, most: int) -> Program:
    """Compile a pattern.

    Args:
        node: the pattern.
        most: steps that it may have.

    Raises:
        TooManySteps: it has more.
    """
    steps = [Step(None, None, ())]

    def add(step: Step) -> int:
        if len(steps) >= most:
            raise TooManySteps
        steps.append(step)
        return len(steps) - 1

    def build(item: Node, then: int) -> int:
        """Steps of `item` that go on at `then`; returns the first one."""
        match item:
            case Chars():
                return add(Step(item, None, (then,)))
            case Look():
                return add(Step(None, item, (then,)))
            case Sequence():
                for part in reversed(item.items):
                    then = build(part, then)
                return then
            case Choice():
                return add(Step(None, None, tuple(build(part, then) for part in item.items)))
            case Repeat():
                return repeat(item, then)

    def repeat(item: Repeat, then: int) -> int:
        low = item.low
        if item.high is None:
            loop = add(Step(None, None, ()))
            body = build(item.item, loop)
            steps[loop] = Step(None, None, (body, then))
            then, low = (body, low - 1) if low else (loop, 0)
        else:
            end = then
            for _ in range(item.high - low):
                then = add(Step(None, None, (build(item.item, then), end)))
        for _ in range(low):
            then = build(item.item, then)
        return then

    entry = build(node, MATCH)
    return Program(steps, entry, {})
