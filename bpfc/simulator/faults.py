"""What the simulator refuses to go on with."""

from collections.abc import Mapping

from attrs import frozen

from bpfc.runtime.errors import SensorError


@frozen
class Place:
    """An instruction of a program.

    Args:
        function: in which it stands.
        instruction: its number in the function, from 0.
        text: what it is.
        file, line, source: the rules' own line that it comes from; "", 0 and "" if the object does
            not say.
    """

    function: str
    instruction: int
    text: str
    file: str = ""
    line: int = 0
    source: str = ""

    def __str__(self) -> str:
        source = f" ({self.file}:{self.line}: {self.source})" if self.file else ""
        return f"{self.function}, instruction {self.instruction}: {self.text}{source}"


class Fault(SensorError):
    """A program did something that no system would let it do, or that the simulator cannot do.

    Args:
        code: BPFC0920 for what no system allows, BPFC0921 for what the simulator cannot do,
            BPFC0922 for a program that ran too long.
        reason: one sentence.
        program: the program, or the function that was called from outside.
        places: where it was, the innermost function first.
        registers: of the innermost function, by name; those that were never written are missing.
    """

    def __init__(
        self,
        code: str,
        reason: str,
        program: str = "",
        places: tuple[Place, ...] = (),
        registers: Mapping[str, int] | None = None,
    ) -> None:
        inner = places[0] if places else Place("", 0, "")
        where = f"{program}: {places[0]}: " if places else f"{program}: " if program else ""
        super().__init__(code, f"{where}{reason}", "", file=inner.file, line=inner.line)
        self.reason, self.program, self.places = reason, program, places
        self.registers = dict(registers or {})


class Refusal(Exception):
    """What a part of the machine refuses; the machine makes a `Fault` of it, with its place.

    Args:
        reason: one sentence.
        code: as for `Fault`.
    """

    def __init__(self, reason: str, code: str = "BPFC0920") -> None:
        super().__init__(reason)
        self.reason, self.code = reason, code
