"""Source text to tokens. Words stay words here: the parser knows where one is a keyword."""

import re
from typing import NamedTuple

from dsl.diagnostics import Collector, shown
from dsl.span import Span

# A file of the largest size has fewer unless it is garbage (4 MiB of brackets).
MAX_TOKENS = 1_000_000


class Token(NamedTuple):
    """One token.

    Args:
        type: terminal of the grammar; "WORD" for an undotted name that may be a keyword.
        text: as it stands in the source.
        start: offset in characters.
        line: from 1.
        column: from 1.
        first: whether it is the first on its line.
        width: characters it takes in the source (`text` may be what was meant instead).
    """

    type: str
    text: str
    start: int
    line: int
    column: int
    first: bool
    width: int

    def span(self, file: str) -> Span:
        """Its place in the file of that name."""
        return Span(file, self.start, self.start + self.width, self.line, self.column)


# Order matters: an address before a number before a name, a raw string before a name.
_PATTERN = re.compile(
    r"""
      (?P<NEWLINE>\n)
    | (?P<SPACE>[ \t\r\f]+ | \#[^\n]*)
    | (?P<STRING>r"[^"\n]*" | "(?:[^"\\\n]|\\.)*")
    | (?P<OPEN_STRING>r?"[^\n]*)
    | (?P<SINGLE_QUOTED>'[^'\n]*')
    | (?P<ADDRESS>[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:/\w*)? | [0-9]+(?:\.[0-9]+)+(?:/\w*)?)
    | (?P<DATE>[0-9]{4}-[0-9]{2}-[0-9]{2}(?![\w-]))
    | (?P<NUMBER>-?[0-9]\w*)
    | (?P<WORD>[^\W\d]\w*(?P<DOTTED>(?:\.[^\W\d]\w*)+
        (?:(?:\["[^"\n]*"\] | \[[0-9]+\](?=\.))(?:\.[^\W\d]\w*)*)?)?)
    | (?P<ARITHMETIC><<|>>|&(?!&)|\|(?!\|)|[*/%^])
    | (?P<COMPARE>[=!<>]=|[<>])
    | (?P<SYMBOL>\.\.|[=:,\[\](){}+~-])
    | (?P<FOREIGN>&&|\|\||!)
    | (?P<BAD>[^\w\s"#=!<>,\[\](){}&|:+*/%^~-]+ | .)
    """,
    re.VERBOSE,
)
ITEM_WORDS = frozenset(
    {"policy", "include", "list", "set", "macro", "rule", "override", "disable", "test"}
)
SYMBOLS = {
    "..": "RANGE",
    "=": "ASSIGN",
    ":": "COLON",
    "+": "PLUS",
    "-": "MINUS",
    "~": "TILDE",
    ",": "COMMA",
    "[": "LSQB",
    "]": "RSQB",
    "(": "LPAR",
    ")": "RPAR",
    "{": "LBRACE",
    "}": "RBRACE",
}
_SPECIAL = frozenset({"SYMBOL", "FOREIGN", "BAD", "OPEN_STRING", "SINGLE_QUOTED"})
# Behind these a sign is an operator. Where a word is a name and no keyword, the parser knows.
_OPERANDS = frozenset({"NAME", "NUMBER", "RPAR"})
_FOREIGN = {"&&": "and", "||": "or", "!": "not"}


def tokens(file: str, text: str, report: Collector) -> list[Token] | None:
    """Cut source text into tokens.

    Args:
        file: its name, for messages.
        text: the source.
        report: takes errors. What cannot be read becomes a token of type "BAD", or of what was
            meant.

    Returns:
        The tokens, without one for the end; None if there is no use in reading on.
    """
    found: list[Token] = []
    line, line_start, first = 1, 0, True
    for match in _PATTERN.finditer(text):
        kind, start = match.lastgroup or "", match.start()
        if kind == "SPACE":
            continue
        if kind == "NEWLINE":
            line, line_start, first = line + 1, match.end(), True
            continue
        word = match.group()
        token = Token(kind, word, start, line, start - line_start + 1, first, len(word))
        first = False
        if kind in _SPECIAL:
            token = _special(token, file, report)
            if report.full:
                return None
        elif kind == "WORD" and match.group("DOTTED"):
            token = token._replace(type="NAME")
        elif kind == "NUMBER" and word[0] == "-" and found and found[-1].type in _OPERANDS:
            minus, token = split_sign(token)
            found.append(minus)
        found.append(token)
        if len(found) > MAX_TOKENS:
            report.error(
                "BPFC0002",
                f"the file has more than {MAX_TOKENS:,} words and signs",
                token.span(file),
                remedy="split the policy into several files",
            )
            return None
    return found


def split_sign(token: Token) -> tuple[Token, Token]:
    """Cut a negative number into the sign and what is behind it: `a -1` is a subtraction.

    Args:
        token: a number that begins with `-`.

    Returns:
        The sign and the number.
    """
    sign = token._replace(type="MINUS", text="-", width=1)
    rest = token._replace(
        text=token.text[1:],
        start=token.start + 1,
        column=token.column + 1,
        first=False,
        width=token.width - 1,
    )
    return sign, rest


def _special(token: Token, file: str, report: Collector) -> Token:
    """Give a symbol its name; report what does not belong to the language."""
    if token.type == "SYMBOL":
        return token._replace(type=SYMBOLS[token.text])
    span = token.span(file)
    if token.type == "FOREIGN":
        word = _FOREIGN[token.text]
        report.error(
            "BPFC0102", f"`{token.text}` does not belong to the language", span, suggestion=word
        )
        return token._replace(type="WORD", text=word)
    if token.type == "OPEN_STRING":
        report.error(
            "BPFC0103",
            "this string has no end on its line",
            span,
            remedy='close it with ", and write \\n for a line end inside it',
        )
        return token._replace(type="STRING", text='""')
    if token.type == "SINGLE_QUOTED":
        inner = token.text[1:-1].replace("\\", "/").replace('"', "'")
        report.error(
            "BPFC0102",
            "strings stand in double quotes",
            span,
            suggestion=f'"{shown(inner)}"',
        )
        return token._replace(type="STRING", text=f'"{inner}"')
    what = shown(token.text) if token.text.isprintable() else f"U+{ord(token.text[0]):04X}"
    report.error("BPFC0102", f"unexpected character `{what}`", span, remedy="remove it")
    return token


def begins_item(found: list[Token], index: int) -> bool:
    """Whether an item (a header, a list, a rule and so on) begins with the token at `index`."""
    token = found[index]
    if token.type != "WORD" or token.text not in ITEM_WORDS:
        return False
    match token.text, [t.type for t in found[index + 1 : index + 3]]:
        case "policy" | "include", ["STRING", *_]:
            return True
        case "test", ["STRING", "LBRACE"]:
            return True
        case "list", ["WORD" | "NAME", "ASSIGN"]:
            return True
        case "set", ["WORD" | "NAME", "COLON"]:
            return token.first
        case "macro", ["WORD" | "NAME", "ASSIGN" | "LPAR"]:
            return True
        case "override", ["WORD", "WORD" | "NAME"]:
            return found[index + 1].text == "rule"
        case "disable", ["WORD" | "NAME", *_]:
            return token.first
        case "rule", ["WORD" | "NAME", "LBRACE"]:
            return True
        case "rule", ["WORD" | "NAME", "WORD"]:
            return found[index + 2].text == "extends"
        case _:
            return False
