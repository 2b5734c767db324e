"""The second stage of a rule as data for the agent, which has no compiler."""

from attrs import define, field

from bpfc.artifact.confirm import AgentField, Automaton, ConfirmInfo, ConfirmNode, ConfirmTest
from compiler.plan.patterns.acceptor import STATES_MAX, TooManyStates, acceptor_of
from compiler.plan.sought import folds_by_type, pattern_of, spellings_of
from dsl.diagnostics import Collector, shown
from dsl.paths import directory, separator
from dsl.patterns.tree import Node
from dsl.semantics import address_range
from dsl.typed import And, Constant, Expr, Not, Op, Or, Range, Rule, Test, Value
from dsl.walk import agent_fields

CELLS_MAX = 1 << 16  # states times classes of one automaton: it stands in the manifest
_LOW, _HIGH = -(1 << 63), (1 << 128) - 1  # below and above all numbers of records
_BITS = {Op.HAS_ANY: "any bits", Op.HAS_ALL: "all bits"}
_PATTERNS = (Op.GLOB, Op.REGEX)
_NOTHING = Automaton((0,), (0,), ((0,),), (), None)  # in the place of one that is too large


def agent_infos(rule: Rule) -> tuple[AgentField, ...]:
    """What a rule wants of the agent, as the manifest has it.

    Args:
        rule: a checked rule.
    """
    return tuple(
        AgentField(known.name, known.kind.value, known.known_by, known.needs)
        for known in agent_fields(rule)
    )


def confirm_info(rule: Rule, report: Collector) -> ConfirmInfo | None:
    """The second stage of a rule.

    Args:
        rule: a checked rule.
        report: takes a diagnostic (BPFC0660) for a pattern that no automaton can take.

    Returns:
        The second stage, None without one.
    """
    if rule.confirm is None:
        return None
    made = _Made(report)
    made.node(rule.confirm.when)
    return ConfirmInfo(
        rule.confirm.on_unknown, tuple(made.tests), tuple(made.nodes), tuple(made.automata)
    )


@define
class _Made:
    """A condition in the making."""

    report: Collector
    tests: list[ConfirmTest] = field(factory=list)
    nodes: list[ConfirmNode] = field(factory=list)
    automata: list[Automaton] = field(factory=list)
    _numbers: dict[Node, int] = field(factory=dict)

    def node(self, expr: Expr) -> int:
        """Number of the node of a condition."""
        match expr:
            case Constant():
                return self._add("and" if expr.value else "or", ())
            case Test():
                self.tests.append(self._test(expr))
                return self._add("test", (len(self.tests) - 1,))
            case Not():
                return self._add("not", (self.node(expr.item),))
            case And() | Or():
                items = tuple(self.node(item) for item in expr.items)
                return self._add("and" if isinstance(expr, And) else "or", items)

    def _add(self, kind: str, items: tuple[int, ...]) -> int:
        self.nodes.append(ConfirmNode(kind, items))
        return len(self.nodes) - 1

    def _test(self, test: Test) -> ConfirmTest:
        texts: list[tuple[str, ...]] = []
        patterns: list[tuple[int, int]] = []
        numbers: list[tuple[int, int]] = []
        op = test.op.value
        for value in test.values:
            if not isinstance(value, bytes):
                numbers.append(_range(test.op, value))
            elif test.op in _PATTERNS:
                patterns.append((self._automaton(test, value, 0), self._automaton(test, value, 1)))
            else:
                texts.append(tuple(_compared(test, text) for text in spellings_of(test, value)))
        if numbers:
            op = _BITS.get(test.op, "range")
        elif patterns:
            op = "found"
        by_type = folds_by_type(test)
        return ConfirmTest(
            field=test.field.name,
            op=op,
            texts=tuple(text for group in texts for text in group),
            numbers=tuple(numbers),
            patterns=tuple(patterns),
            groups=tuple(map(len, texts)),
            every=test.every or test.op is Op.HAS_ALL,
            folds="always" if test.nocase else "windows" if by_type else "",
            element=test.element or "",
        )

    def _automaton(self, test: Test, value: bytes, half: int) -> int:
        """Number of the automaton of a pattern; equal ones are one."""
        pattern = pattern_of(test, value, half)
        number = self._numbers.setdefault(pattern, len(self.automata))
        if number == len(self.automata):
            self.automata.append(self._built(pattern, test, value))
        return number

    def _built(self, pattern: Node, test: Test, value: bytes) -> Automaton:
        try:
            found = acceptor_of(pattern)
        except TooManyStates:
            found = None
        if found is None or len(found.rows) * found.partition.count > CELLS_MAX:
            self.report.error(
                "BPFC0660",
                f"the pattern `{shown(value.decode('utf-8', 'replace'))}` needs more than"
                f" {STATES_MAX} states, or {CELLS_MAX:,} cells of states and classes",
                test.span,
                remedy="repeat less behind `.*` or `.+`, anchor it, or split it into several tests",
            )
            return _NOTHING
        final = tuple(state for state, accepts in enumerate(found.final) if accepts)
        partition = found.partition
        return Automaton(partition.starts, partition.classes, found.rows, final, found.sure)


def _compared(test: Test, text: bytes) -> str:
    """What a text is compared with."""
    if test.op is Op.UNDER:
        text = directory(text) + separator(text)
    return text.decode("utf-8")


def _range(op: Op, value: Value) -> tuple[int, int]:
    """The numbers that satisfy a comparison."""
    if isinstance(value, Range):
        return value.low, value.high
    if not isinstance(value, int):
        assert not isinstance(value, bytes)
        return address_range(value)
    return {
        Op.LT: (_LOW, value - 1),
        Op.LE: (_LOW, value),
        Op.GT: (value + 1, _HIGH),
        Op.GE: (value, _HIGH),
    }.get(op, (value, value))
