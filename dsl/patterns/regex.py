"""Regular expressions in RE2's syntax, without Unicode classes.

The syntax is RE2's: Perl and POSIX classes (ASCII), groups, repetition up to 1,000 times, `^ $ \\A
\\z \\b \\B`, flags i, m, s and U. What no automaton can do (back references, looking around) has no
syntax there either; it is recognised and named.
"""

from attrs import define

from dsl.patterns.classes import PERL, bracketed
from dsl.patterns.tree import (
    ANY,
    EMPTY,
    MAX_CODE,
    Chars,
    Choice,
    Look,
    Node,
    PatternError,
    Repeat,
    Sequence,
    choice,
    folded,
    sequence,
)
from dsl.patterns.tree import chars as chars_of

MAX_REPEAT = 1000  # RE2's own bound
MAX_DEPTH = 100
# Characters and alternatives after repetitions are written out; what automata are built from.
MAX_SIZE = 20_000

_NOT_NEWLINE = chars_of([(0, 0x09), (0x0B, MAX_CODE)])
_ESCAPES = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
_LOOKS = {"A": Look.START, "z": Look.END, "b": Look.BOUNDARY, "B": Look.INSIDE}
_AROUND = {"=": "looking ahead", "!": "looking ahead", "<=": "looking back", "<!": "looking back"}
_UNICODE = "there are no classes of Unicode here: write ranges such as [\\x{400}-\\x{4ff}]"


def parse(source: str, nocase: bool = False) -> Node:
    """Read a regular expression.

    Args:
        source: its text.
        nocase: whether it begins as if with `(?i)`: ASCII letters fold.

    Returns:
        Its tree.

    Raises:
        PatternError: it is none, or has what is not supported, or is too large.
    """
    parser = _Parser(source, _Flags(nocase=nocase))
    found = parser.choice(0)
    if parser.at < len(source):
        raise PatternError(
            "`)` closes no group", parser.at, parser.at + 1, "write `\\)` for the character"
        )
    if size(found) > MAX_SIZE:
        raise PatternError(
            f"written out, the expression has more than {MAX_SIZE} characters",
            0,
            len(source),
            "repeat less, or use `*` or `+` in place of a number",
            oversized=True,
        )
    return found


def size(node: Node) -> int:
    """Characters and alternatives of a tree whose repetitions are written out."""
    match node:
        case Chars() | Look():
            return 1
        case Repeat():
            times = max(node.low, node.high or 0, 1)
            return (size(node.item) + 1) * times
        case Sequence() | Choice():
            return 1 + sum(size(item) for item in node.items)


@define
class _Flags:
    nocase: bool = False
    lines: bool = False
    dot_all: bool = False


@define
class _Parser:
    """A recursive descent over `source`, from `at` on."""

    source: str
    flags: _Flags
    at: int = 0

    def _peek(self, count: int = 1) -> str:
        return self.source[self.at : self.at + count]

    def choice(self, depth: int) -> Node:
        """Alternatives up to the end or to a `)`."""
        if depth > MAX_DEPTH:
            raise PatternError(
                f"groups nest more than {MAX_DEPTH} deep", self.at, self.at + 1, oversized=True
            )
        found = [self._sequence(depth)]
        while self._peek() == "|":
            self.at += 1
            found.append(self._sequence(depth))
        return choice(found)

    def _sequence(self, depth: int) -> Node:
        found: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            begin = self.at
            item = self._atom(depth)
            if item is not None:
                found.append(self._repeated(item, begin))
        return sequence(*found)

    def _atom(self, depth: int) -> Node | None:
        """One item without its repetition; None for flags that stand alone."""
        char, begin = self._peek(), self.at
        if self.source.startswith("\\Q", begin):
            return self._quoted()
        if char == "(":
            return self._group(depth)
        if char == "[":
            found, self.at = bracketed(self.source, begin, "^", self.flags.nocase, self._escape)
            return found
        if char == "\\":
            if self.source[begin + 1 : begin + 2] in _LOOKS:
                self.at += 2
                return _LOOKS[self.source[begin + 1]]
            found, self.at = self._escape(begin)
            return self._folded(found)
        if char in "*+?":
            raise PatternError(
                f"`{char}` has nothing in front of it to repeat",
                begin,
                begin + 1,
                f"write `\\{char}` for the character",
            )
        self.at += 1
        match char:
            case ".":
                return ANY if self.flags.dot_all else _NOT_NEWLINE
            case "^":
                return Look.LINE_START if self.flags.lines else Look.START
            case "$":
                return Look.LINE_END if self.flags.lines else Look.END
            case _:
                return self._folded(Chars(((ord(char),) * 2,)))

    def _folded(self, item: Chars) -> Chars:
        return folded(item) if self.flags.nocase else item

    def _quoted(self) -> Node:
        """`\\Q...\\E`: everything in between is meant as it stands."""
        begin = self.at + 2
        end = self.source.find("\\E", begin)
        self.at = len(self.source) if end < 0 else end + 2
        body = self.source[begin : len(self.source) if end < 0 else end]
        return sequence(*(self._folded(Chars(((ord(c),) * 2,))) for c in body))

    # ------------------------------------------------------------ groups

    def _group(self, depth: int) -> Node | None:
        begin, outer = self.at, self.flags
        self.flags = _Flags(outer.nocase, outer.lines, outer.dot_all)
        self.at += 1
        if self._peek() == "?" and not self._opening(begin):
            return None  # flags for the rest of the group around it
        found = self.choice(depth + 1)
        if self._peek() != ")":
            raise PatternError(
                "the group has no end", begin, len(self.source), "add `)`, or write `\\(`"
            )
        self.at += 1
        self.flags = outer
        return EMPTY if found == EMPTY else found

    def _opening(self, begin: int) -> bool:
        """What follows `(?`; False if it was flags and nothing else."""
        rest = self.source[self.at + 1 :]
        for sign, what in _AROUND.items():
            if rest.startswith(sign):
                raise PatternError(
                    f"{what} (`(?{sign}`) is not supported: no automaton can do it",
                    begin,
                    begin + 2 + len(sign),
                    "join two tests with `and`",
                    unsupported=True,
                )
        for lead in ("P<", "<"):
            if rest.startswith(lead):
                end = rest.find(">")
                name = rest[len(lead) : end]
                if end < 0 or not name.replace("_", "a").isalnum() or not name.isascii():
                    raise PatternError("the group's name is not valid", begin, self.at + 2)
                self.at += 1 + end + 1
                return True
        if rest[:1] in (">", "|", "#", "P", "'", "(", "R", "&"):
            raise PatternError(
                f"`(?{rest[:1]}` is not supported",
                begin,
                begin + 3,
                "groups are `(...)`, `(?:...)`, `(?P<name>...)` and `(?i:...)`",
                unsupported=True,
            )
        return self._set_flags(begin)

    def _set_flags(self, begin: int) -> bool:
        self.at += 1
        on = True
        while self._peek() not in ("", ")", ":"):
            match self._peek():
                case "-" if on:
                    on = False
                case "i":
                    self.flags.nocase = on
                case "m":
                    self.flags.lines = on
                case "s":
                    self.flags.dot_all = on
                case "U":
                    pass  # which of several matches is found makes no difference
                case letter:
                    raise PatternError(
                        f"there is no flag `{letter}`", self.at, self.at + 1, "flags are i m s U"
                    )
            self.at += 1
        if not self._peek():
            raise PatternError("the group has no end", begin, len(self.source), "add `)`")
        self.at += 1
        return self.source[self.at - 1] == ":"

    # ------------------------------------------------------------ repetition

    def _repeated(self, item: Node, begin: int) -> Node:
        times = self._times()
        if times is None:
            return item
        if self._peek() == "?":  # lazy: the same texts match
            self.at += 1
        again = self.at
        if self._times() is not None:
            raise PatternError(
                f"`{self.source[again : self.at]}` repeats a repetition",
                begin,
                self.at,
                "put what is to be repeated into a group",
                unsupported=self.source[again : again + 1] == "+",
            )
        low, high = times
        return item if isinstance(item, Look) and low else Repeat(item, low, high)

    def _times(self) -> tuple[int, int | None] | None:
        """The repetition that stands here, read; None (and nothing read) if there is none."""
        char = self._peek()
        if char and char in "*+?":
            self.at += 1
            return (int(char == "+"), 1 if char == "?" else None)
        end = self.source.find("}", self.at)
        if char != "{" or end < 0:
            return None
        first, comma, last = self.source[self.at + 1 : end].partition(",")
        if not _number(first) or (last and not _number(last)):
            return None  # a brace that is meant as it stands, as in RE2
        begin, self.at = self.at, end + 1
        low = int(first)
        high = low if not comma else int(last) if last else None
        if max(low, high or 0) > MAX_REPEAT:
            raise PatternError(
                f"at most {MAX_REPEAT} repetitions are possible",
                begin,
                self.at,
                "use `*` or `+`, or a smaller number",
                oversized=True,
            )
        if high is not None and high < low:
            raise PatternError("the range of repetitions is empty", begin, self.at)
        return low, high

    # ------------------------------------------------------------ escapes

    def _escape(self, begin: int) -> tuple[Chars, int]:
        """What a backslash and the characters behind it stand for, and the place behind them."""
        source = self.source
        char = source[begin + 1 : begin + 2]
        if not char:
            raise PatternError(
                "nothing follows the backslash", begin, begin + 1, "write `\\\\` for a backslash"
            )
        if char in PERL:
            return PERL[char], begin + 2
        if char == "x":
            return self._hexadecimal(begin)
        if char == "0" or (char in "1234567" and source[begin + 2 : begin + 3].isdecimal()):
            return self._octal(begin)
        if char.isdecimal() or char in "kg":
            raise PatternError(
                f"`\\{char}` is a back reference, which is not supported: no automaton can do it",
                begin,
                begin + 2,
                "write out the alternatives",
                unsupported=True,
            )
        if char in "pPXN":
            raise PatternError(
                f"`\\{char}` is not supported", begin, begin + 2, _UNICODE, unsupported=True
            )
        if char in _ESCAPES:
            return Chars(((_ESCAPES[char],) * 2,)), begin + 2
        if char.isascii() and (char.isalnum()):
            raise PatternError(
                f"there is no escape `\\{char}`",
                begin,
                begin + 2,
                "write `\\z` for the end of the text" if char == "Z" else "",
                unsupported=char in "CGKRZhHVuUcCLl",
            )
        return Chars(((ord(char),) * 2,)), begin + 2

    def _hexadecimal(self, begin: int) -> tuple[Chars, int]:
        """`\\x7f` or `\\x{10ffff}`."""
        source = self.source
        end = begin + 4
        digits = source[begin + 2 : end]
        if digits.startswith("{"):
            close = source.find("}", begin)
            end = len(source) if close < 0 else close + 1
            digits = source[begin + 3 : end - 1]
        elif len(digits) < 2:
            digits = ""
        if not digits or set(digits) - set("0123456789abcdefABCDEF") or len(digits) > 8:
            raise PatternError(
                "`\\x` needs two digits, or digits in braces", begin, end, "write \\x7f or \\x{e9}"
            )
        return self._code(int(digits, 16), begin, end), end

    def _octal(self, begin: int) -> tuple[Chars, int]:
        """`\\0`, `\\12`, `\\123`."""
        end = begin + 2
        while end < begin + 4 and self.source[end : end + 1] in tuple("01234567"):
            end += 1
        return self._code(int(self.source[begin + 1 : end], 8), begin, end), end

    def _code(self, code: int, begin: int, end: int) -> Chars:
        if code > MAX_CODE or 0xD800 <= code <= 0xDFFF:
            raise PatternError("this is no character of Unicode", begin, end)
        return Chars(((code, code),))


def _number(digits: str) -> bool:
    return digits.isdecimal() and digits.isascii() and len(digits) <= 9
