"""The automata of a text field's shapes: globs, regular expressions, elements and parts."""

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import zip_longest

from compiler.plan.layout import is_joined
from compiler.plan.model import TextTables
from compiler.plan.patterns import selection
from compiler.plan.patterns.acceptor import Acceptor, TooManyStates, acceptor_of, both
from compiler.plan.patterns.encode import ByteMachine, encoded
from compiler.plan.patterns.machine import PRODUCT_MAX, Machine, joined
from compiler.plan.patterns.partition import aliased, partition_of
from compiler.plan.sought import Shape
from compiler.plan.steps import MachineSteps
from compiler.plan.tables import Halves, Marks, bank_tables, shared_tables
from dsl.catalogue import Event, Field
from dsl.patterns.tree import Node

# States of a byte automaton: u16, less some for what is found at a text's end.
_BYTE_STATES = 60_000

# More automata over a field share their code, so that programs stay small; a few are faster dense.
_DENSE_MAX = 2

_SEPARATORS = {"linux": "/", "windows": "\\"}
_NOTHING = Machine(partition_of([]), ((0,),), (0,), (0,))


class TooLarge(Exception):
    """One shape needs more states than a table has."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self.shape = shape

    def pattern(self) -> str:
        """The longest text of the test that asks for it."""
        values = [value for value in self.shape.test.values if isinstance(value, bytes)]
        return max(values, key=len).decode("utf-8", "replace")


def shape_tables(field: Field, event: Event, marks: Mapping[Shape, Marks]) -> list[TextTables]:
    """The automata of one text field's shapes.

    Args:
        field: a text field of the event.
        event: the event; its platforms and the field's decide which halves have tables.
        marks: what finding each shape sets.

    Returns:
        As few as reasonable.

    Raises:
        TooLarge: one shape alone needs too many states.
    """
    shapes = list(marks)
    built = _Built(is_joined(field.name))
    found = {
        platform: _byte_machines(shapes, platform, built)
        for platform in ("linux", "windows")
        if platform in field.platforms and platform in event.platforms
    }
    machines: list[Halves] = [
        {name: MachineSteps(item or _empty()) for name, item in zip(found, row, strict=True)}
        for row in zip_longest(*found.values())
    ]
    given = [marks[shape] for shape in shapes]
    tables: list[TextTables | None] = []
    if len(machines) <= _DENSE_MAX:
        tables = [shared_tables(halves, given) for halves in machines]
    else:
        tables += bank_tables(machines, given) or [None]
    result = [item for item in tables if item is not None]
    if len(result) < len(tables):
        raise TooLarge(max(shapes, key=lambda shape: len(built.machine(shape, "linux", 1).rows)))
    return result


def _empty() -> ByteMachine:
    found = encoded(_NOTHING, False, 1)
    assert found is not None
    return found


class _Built:
    """Acceptors and machines that were built already: both halves often have the same."""

    def __init__(self, joins: bool) -> None:
        self._joins = joins
        self._acceptors: dict[tuple[Node, ...], Acceptor] = {}

    def machine(self, shape: Shape, platform: str, bit: int) -> Machine:
        """The machine of one shape; it reports `bit`."""
        if shape.element == "count":
            return selection.counted(shape.counts, shape.most, bit, shape.failing)
        nodes = shape.linux if platform == "linux" else shape.windows
        try:
            if nodes not in self._acceptors:
                self._acceptors[nodes] = reduce(both, map(acceptor_of, nodes))
            found = _selected(self._acceptors[nodes], shape, _SEPARATORS[platform], bit)
        except TooManyStates as error:
            raise TooLarge(shape) from error
        if not self._joins:
            return found
        return Machine(aliased(found.partition, 0, 0x20), found.rows, found.found, found.at_end)


def _selected(acceptor: Acceptor, shape: Shape, separators: str, bit: int) -> Machine:
    match shape.part, shape.element:
        case "directory", _:
            return selection.directory(acceptor, bit, separators)
        case "extension", _:
            return selection.extension(acceptor, bit, separators)
        case _, "":
            return selection.whole(acceptor, bit)
        case _, "any":
            return selection.some_element(acceptor, bit)
        case _, "all" if shape.failing:
            return selection.some_element(acceptor, bit, failing=True)
        case _, "all":
            return selection.every_element(acceptor, bit)
        case _, position:
            return selection.nth_element(acceptor, bit, int(position), shape.failing)


def _byte_machines(shapes: Sequence[Shape], platform: str, built: _Built) -> list[ByteMachine]:
    """All shapes in as few machines as have room for them; shape n is reported as bit n."""
    machines = [built.machine(shape, platform, 1 << n) for n, shape in enumerate(shapes)]
    most = PRODUCT_MAX
    while True:
        result = []
        for machine in joined(machines, most):
            found = encoded(machine, platform == "windows", _BYTE_STATES)
            if found is None:
                break
            result.append(found)
        else:
            return result
        if most == 1:
            raise TooLarge(shapes[max(range(len(machines)), key=lambda n: len(machines[n].rows))])
        most = most // 8 or 1
