"""The one exception of the runtime, and the long texts of its codes."""

import tomllib
from importlib.resources import files


class SensorError(RuntimeError):
    """Something the sensor cannot do, as one diagnostic.

    Args:
        code: "BPFC07xx"; `bpfc explain` has the long text.
        message: one sentence, what is wrong and with what.
        remedy: one sentence, what to do about it; may be empty.
        rules: names of the rules it is about.
        file: source file it is about, or "".
        line: line in that file, from 1; 0 if unknown.
    """

    def __init__(
        self,
        code: str,
        message: str,
        remedy: str = "",
        *,
        rules: tuple[str, ...] = (),
        file: str = "",
        line: int = 0,
    ) -> None:
        super().__init__(code, message, remedy)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.rules = rules
        self.file = file
        self.line = line

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file and self.line else ""
        remedy = f"\n  remedy: {self.remedy}" if self.remedy else ""
        return f"{self.code}: {place}{self.message}{remedy}"


def explanations() -> dict[str, tuple[str, str]]:
    """The long texts of the runtime's codes.

    Returns:
        (title, text) by code.
    """
    raw = files("bpfc.runtime").joinpath("codes.toml").read_text(encoding="utf-8")
    return {code: (entry["title"], entry["text"]) for code, entry in tomllib.loads(raw).items()}
