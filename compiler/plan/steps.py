"""From an automaton to a dense table of byte steps.

States are numbered anew: the quiet ones first, the root being 0, the emitting ones last. For
UTF-16 each symbol is two steps, low byte and high byte; the states between the two are quiet, so
nothing is ever found at an odd byte.
"""

from array import array
from collections.abc import Mapping, Sequence

from attrs import frozen

from compiler.plan.automaton import Automaton
from compiler.plan.patterns.encode import ByteMachine


@frozen
class ByteClasses:
    """Bytes that no state tells apart share a class.

    Args:
        of_byte: class of each byte, 256 of them.
        end: class of the end of the text.
        count: number of classes, `end` included.
        steps: for each unit, the classes of the bytes that spell it: one byte, or low and high. A
            unit has several spellings where bytes are folded but cannot share a class.
    """

    of_byte: bytes
    end: int
    count: int
    steps: Mapping[int, tuple[tuple[int, ...], ...]]


@frozen
class SparseRows:
    """An automaton as rows that are alike (see `compiler.plan.sparse`).

    Args:
        start: state before the first byte.
        first_emit: first emitting state; all behind it emit.
        states: number of states.
        hubs: whole rows.
        rows: by state, its hub and the classes over which it leads elsewhere; None where `hubs` are
            the rows of all states.
    """

    start: int
    first_emit: int
    states: int
    hubs: Sequence[Sequence[int]]
    rows: Sequence[tuple[int, Mapping[int, int]]] | None


@frozen
class Steps:
    """An automaton with its byte classes and the number of states it needs.

    Args:
        automaton: over symbols.
        classes: its byte classes.
        states: states of the byte table.
        middles: how many of them stand between the two bytes of a unit (UTF-16 only).
    """

    automaton: Automaton
    classes: ByteClasses
    states: int
    middles: int

    @property
    def first_emit(self) -> int:
        """First emitting state of the table."""
        return self.states - len(self.automaton.emitting())

    def emissions(self) -> list[tuple[int, ...]]:
        """Numbers of the needles that each emitting state stands for, in the table's order."""
        return [self.automaton.outs[state] for state in self.automaton.emitting()]

    def render(self, state_bits: int, class_bits: int) -> "StepTable":
        """The table, with room for that many states and classes (log2)."""
        return render(self, state_bits, class_bits)

    def sparse(self) -> SparseRows:
        """The rows as exceptions from that of the root (and that of the middle state from which
        nothing is found)."""
        return _sparse(self)


@frozen
class MachineSteps:
    """A byte machine as a table: one more state for everything that is found at a text's end."""

    machine: ByteMachine

    @property
    def classes(self) -> ByteClasses:
        """Its byte classes; the text's end is the last one."""
        count = self.machine.classes
        return ByteClasses(self.machine.of_byte, count, count + 1, {})

    @property
    def states(self) -> int:
        """States of the table."""
        return len(self.machine.rows) + len(self._ends())

    @property
    def first_emit(self) -> int:
        """First emitting state of the table."""
        return sum(not found for found in self.machine.found)

    def _ends(self) -> list[int]:
        return sorted({found for found in self.machine.at_end if found})

    def _numbers(self) -> tuple[list[int], dict[int, int]]:
        """The table's number of each state, and of what is found at the end."""
        quiet, emitting = 0, self.first_emit
        numbers = []
        for found in self.machine.found:
            numbers.append(emitting if found else quiet)
            quiet, emitting = quiet + (not found), emitting + bool(found)
        return numbers, {found: number for number, found in enumerate(self._ends(), emitting)}

    def emissions(self) -> list[tuple[int, ...]]:
        """Numbers of what each emitting state stands for, in the table's order."""
        found = [item for item in self.machine.found if item] + self._ends()
        return [tuple(n for n in range(mask.bit_length()) if mask >> n & 1) for mask in found]

    def render(self, state_bits: int, class_bits: int) -> "StepTable":
        """The table, with room for that many states and classes (log2)."""
        machine = self.machine
        numbers, ends = self._numbers()
        table = array("H", bytes(2 << (state_bits + class_bits)))
        for state, row in enumerate(machine.rows):
            at = numbers[state] << class_bits
            table[at : at + len(row)] = array("H", [numbers[target] for target in row])
            table[at + machine.classes] = ends.get(machine.at_end[state], 0)
        return StepTable(numbers[0], table)

    def sparse(self) -> SparseRows:
        """All rows, whole."""
        numbers, ends = self._numbers()
        machine, states = self.machine, self.states
        rows: list[list[int]] = [[]] * states
        for state, row in enumerate(machine.rows):
            end = ends.get(machine.at_end[state], 0)
            rows[numbers[state]] = [*(numbers[target] for target in row), end]
        for state in ends.values():
            rows[state] = [0] * (machine.classes + 1)
        return SparseRows(numbers[0], self.first_emit, states, rows, None)


@frozen
class StepTable:
    """A rendered table.

    Args:
        start: state before the first byte.
        transitions: [state << class_bits | class], exactly 1 << (state_bits + class_bits) entries.
    """

    start: int
    transitions: "array[int]"


def steps_of(automaton: Automaton) -> Steps:
    """Size up the byte table of an automaton.

    Args:
        automaton: over bytes or UTF-16 units.

    Returns:
        Classes and state counts; `render` makes the table.
    """
    if not automaton.alphabet.wide:
        return Steps(automaton, _narrow_classes(automaton), len(automaton.children), 0)
    classes = _wide_classes(automaton)
    middles = 1 + sum(len(_by_low(automaton, classes, state)) for state in _states(automaton))
    return Steps(automaton, classes, len(automaton.children) + middles, middles)


def render(steps: Steps, state_bits: int, class_bits: int) -> StepTable:
    """Fill the table.

    Args:
        steps: what to render.
        state_bits: log2 of the room for states.
        class_bits: log2 of the room for classes.

    Returns:
        Start state and transitions.
    """
    automaton = steps.automaton
    table = array("H", bytes(2 << (state_bits + class_bits)))
    numbers = _numbered(steps)
    fill = _fill_wide if automaton.alphabet.wide else _fill_narrow
    fill(steps, table, numbers, class_bits)
    start = automaton.children[0].get(automaton.alphabet.start, 0)
    return StepTable(numbers[start], table)


def _numbered(steps: Steps) -> list[int]:
    """The table's number of each state."""
    numbers = [0] * len(steps.automaton.children)
    for number, state in enumerate(steps.automaton.quiet()):
        numbers[state] = number
    for number, state in enumerate(steps.automaton.emitting(), steps.first_emit):
        numbers[state] = number
    return numbers


def _states(automaton: Automaton) -> tuple[int, ...]:
    return (0, *automaton.order)


def _narrow_classes(automaton: Automaton) -> ByteClasses:
    fold = automaton.alphabet.fold
    units = automaton.units()
    numbers = {unit: number for number, unit in enumerate(units)}
    folded = [fold(byte) for byte in range(256)]
    other = len(units)
    end = other if all(unit in numbers for unit in folded) else other + 1
    return ByteClasses(
        of_byte=bytes(numbers.get(unit, other) for unit in folded),
        end=end,
        count=end + 1,
        steps={unit: ((number,),) for unit, number in numbers.items()},
    )


def _fill_narrow(steps: Steps, table: "array[int]", numbers: list[int], class_bits: int) -> None:
    automaton, size = steps.automaton, 1 << class_bits
    columns = {unit: spelled[0][0] for unit, spelled in steps.classes.steps.items()}
    end_symbol, end = automaton.alphabet.end, steps.classes.end
    for state in _states(automaton):
        row = numbers[state] << class_bits
        below = numbers[automaton.fail[state]] << class_bits
        if state:
            table[row : row + size] = table[below : below + size]
        for symbol, child in automaton.children[state].items():
            if symbol in columns:
                table[row + columns[symbol]] = numbers[child]
            if symbol == end_symbol:
                table[row + end] = numbers[child]


def _wide_classes(automaton: Automaton) -> ByteClasses:
    """Two bytes share a class if they are alike both as low and as high byte of every unit."""
    spell = automaton.alphabet.spellings
    lows: list[list[tuple[int, int]]] = [[] for _ in range(256)]
    highs: list[list[tuple[int, int]]] = [[] for _ in range(256)]
    units = automaton.units()
    for unit in units:
        for raw in spell(unit):
            lows[raw & 0xFF].append((raw >> 8, unit))
            highs[raw >> 8].append((raw & 0xFF, unit))
    numbers: dict[tuple[object, ...], int] = {}
    of_byte = bytes(
        numbers.setdefault((tuple(lows[byte]), tuple(highs[byte])), len(numbers))
        for byte in range(256)
    )
    return ByteClasses(
        of_byte=of_byte,
        end=len(numbers),
        count=len(numbers) + 1,
        steps={
            unit: tuple(
                dict.fromkeys((of_byte[raw & 0xFF], of_byte[raw >> 8]) for raw in spell(unit))
            )
            for unit in units
        },
    )


def _by_low(
    automaton: Automaton, classes: ByteClasses, state: int
) -> dict[int, list[tuple[int, int]]]:
    """The (class of the high byte, child) pairs of a state, by class of the low byte."""
    found: dict[int, list[tuple[int, int]]] = {}
    for symbol, child in automaton.children[state].items():
        for low, high in classes.steps.get(symbol, ()):
            found.setdefault(low, []).append((high, child))
    return found


def _fill_wide(steps: Steps, table: "array[int]", numbers: list[int], class_bits: int) -> None:
    """Rows of states and of the states between two bytes.

    A row of a state holds, by low byte, a state in the middle; the row of that one holds, by high
    byte, the next state. Both begin as copies of what the failure state has there.
    """
    automaton, size = steps.automaton, 1 << class_bits
    end_symbol, end = automaton.alphabet.end, steps.classes.end
    middle = len(automaton.quiet())  # its row stays zero: back to the root
    table[0:size] = array("H", [middle]) * size
    table[end] = 0
    for state in _states(automaton):
        row = numbers[state] << class_bits
        below = numbers[automaton.fail[state]] << class_bits
        if state:
            table[row : row + size] = table[below : below + size]
        for low, pairs in _by_low(automaton, steps.classes, state).items():
            middle += 1
            into, base = middle << class_bits, table[row + low] << class_bits
            table[into : into + size] = table[base : base + size]
            table[row + low] = middle
            for high, child in pairs:
                table[into + high] = numbers[child]
        if end_symbol in automaton.children[state]:
            table[row + end] = numbers[automaton.children[state][end_symbol]]


def _sparse(steps: Steps) -> SparseRows:
    """The rows of `render`, each as the exceptions of its failure state and its own children."""
    automaton, numbers = steps.automaton, _numbered(steps)
    rows: list[tuple[int, dict[int, int]]] = [(0, {}) for _ in range(steps.states)]
    width, end = steps.classes.count, steps.classes.end
    wide = automaton.alphabet.wide
    middle = len(automaton.quiet())
    # Whole rows: that of the root, and for UTF-16 that of a middle state which leads back to it.
    root, back = [middle if wide else 0] * width, [0] * width
    root[end] = 0
    if wide:
        rows[middle] = (1, {})
    for state in _states(automaton):
        own: dict[int, int] = {}
        if state:
            own.update(rows[numbers[automaton.fail[state]]][1])
            rows[numbers[state]] = (0, own)
        changes = own if state else root
        if wide:
            for low, pairs in _by_low(automaton, steps.classes, state).items():
                middle += 1
                base = own.get(low, root[low])
                rows[middle] = (1, {**rows[base][1], **{h: numbers[c] for h, c in pairs}})
                changes[low] = middle
        else:
            for symbol, child in automaton.children[state].items():
                if symbol in steps.classes.steps:
                    changes[steps.classes.steps[symbol][0][0]] = numbers[child]
        if automaton.alphabet.end in automaton.children[state]:
            changes[end] = numbers[automaton.children[state][automaton.alphabet.end]]
    start = automaton.children[0].get(automaton.alphabet.start, 0)
    hubs = [root, back] if wide else [root]
    return SparseRows(numbers[start], steps.first_emit, steps.states, hubs, rows)
