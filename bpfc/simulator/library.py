"""The functions of an object, looked at and translated, for any number of machines.

What a function needs of others is found out here before any of them runs: the registers that they
take, how deep their calls go, whether addresses of a stack get about. Maps stand in translations by
name, so a translation serves every machine that has maps of the same shapes.
"""

from collections.abc import Iterable

from attrs import frozen

from bpfc.abi import linux
from bpfc.artifact.manifest import MapInfo
from bpfc.simulator.faults import Fault
from bpfc.simulator.helpers import HELPERS, numbers
from bpfc.simulator.image import Code
from bpfc.simulator.programs import check_context, check_helpers, program_type
from bpfc.simulator.stack import Passed
from bpfc.simulator.translate import HelperCall, Translation, Translator

STACK_GRAIN = 32  # to which a function's stack is rounded up (check_max_stack_depth)


@frozen
class _Depth:
    """How deep a function and what it calls go: frames, and bytes of stack."""

    frames: int
    stack: int


class Library:
    """Functions that can be called (implements `translate.Linker`).

    Args:
        code: the functions.
        half: "linux" or "windows": whose helper numbers they use.
        maps: the maps that they know.

    Attributes:
        leaky: whether functions can get to know addresses of others' stacks; what was translated
            before it became so does not expect it.
    """

    def __init__(self, code: Code, half: str, maps: Iterable[MapInfo]) -> None:
        self.code, self.half = code, half
        self.maps = {info.name: info for info in maps}
        self.leaky = False
        self.helpers = numbers(half)
        self._translators: dict[str, Translator] = {}
        self._translations: dict[tuple[str, bool], Translation] = {}
        self._depths: dict[str, _Depth] = {}
        self._analysing: list[str] = []
        self._checked: set[str] = set()

    def arguments(self, name: str) -> tuple[int, ...]:
        """The registers that a function takes.

        Raises:
            Fault: it is one that is being looked at: it calls itself; or it is not in order.
        """
        if name in self._analysing:
            raise Fault("BPFC0920", f"{name} calls itself, by way of {self._analysing[-1]}")
        return self._translator(name).arguments

    def helper(self, number: int) -> HelperCall:
        """How a helper is called."""
        name = self.helpers.get(number, "")
        known = HELPERS.get(name)
        if known is None:
            return HelperCall("", 0, True)
        return HelperCall(name, known.arguments, known.returns)

    def passed(self, number: int, table: str | None) -> tuple[Passed, ...]:
        """What a helper reads through its arguments, called with a map, None if any could be."""
        known = HELPERS.get(self.helpers.get(number, ""))
        if known is None:
            return ()
        info = self.maps.get(table) if table is not None else None
        sizes = {2: info.key_size, 3: info.value_size} if info else {2: None, 3: None}
        given = {2: known.keys, 3: known.values}
        return tuple(Passed(at, sizes[at]) for at in sizes if given[at])

    def translation(self, name: str) -> Translation:
        """A function as Python.

        Raises:
            Fault: it is not in order.
        """
        key = (name, self.leaky)
        if key not in self._translations:
            self._translations[key] = self._translator(name).translate()
        return self._translations[key]

    def check_program(self, name: str) -> None:
        """Refuse a program that its type does not allow (see `programs`).

        Args:
            name: its symbol.

        Raises:
            Fault: it may not call a helper, or reads its context otherwise than in whole members.
        """
        if name not in self._checked:
            kind = program_type(self.half, self.code.function(name).section)
            self.arguments(name)
            todo, seen = [name], set()
            while todo:
                one = todo.pop()
                if one not in seen:
                    seen.add(one)
                    function = self._translators[one].function
                    check_helpers(self.half, kind, name, function)
                    todo += function.calls.values()
            made = self._translators[name]
            check_context(self.half, kind, made.function, made.blocks)
            self._checked.add(name)

    def _translator(self, name: str) -> Translator:
        if name not in self._translators:
            function = self.code.function(name)
            self._analysing.append(name)
            try:
                made = Translator(function, self)
            finally:
                self._analysing.pop()
            self._check(name, made)
            self._translators[name] = made
            self.leaky |= made.frame.leaks
        return self._translators[name]

    def _check(self, name: str, made: Translator) -> None:
        """Refuse maps that nobody described, calls that go too deep, and more stack than there is
        (check_max_stack_depth; on Windows each function has a stack of its own)."""
        for table in (*made.function.maps.values(), *made.function.data.values()):
            if table not in self.maps:
                raise Fault("BPFC0921", f"the map {table} is not described")
        calls = [self._depths[callee] for callee in set(made.function.calls.values())]
        own = -(-max(made.frame.depth, 1) // STACK_GRAIN) * STACK_GRAIN
        found = _Depth(
            1 + max((call.frames for call in calls), default=0),
            own + max((call.stack for call in calls), default=0),
        )
        taken = found.stack if self.half == "linux" else own
        if taken > linux.STACK_SIZE:
            raise Fault("BPFC0920", f"{name} and what it calls take {taken} bytes of stack")
        if found.frames > linux.CALL_DEPTH:
            raise Fault("BPFC0920", f"{name} and what it calls are {found.frames} calls deep")
        self._depths[name] = found
