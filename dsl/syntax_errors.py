"""What to say about a token that does not fit."""

from dsl.automaton import Automaton
from dsl.diagnostics import Collector, nearest, shown
from dsl.lexer import ITEM_WORDS, Token, begins_item
from dsl.recovery import CLAUSE_WORDS, STATEMENT_WORDS
from dsl.table import END
from dsl.words import METADATA, PLANNED_CLAUSES

_READABLE = {
    "NAME": "a name",
    "STRING": "a string",
    "NUMBER": "a number",
    "ADDRESS": "an address",
    "DATE": "a date (2027-03-01)",
    "PROPERTY": "a property (is_private, ...)",
    "METADATA": "metadata (id, severity, ...)",
    "ON_UNKNOWN": "`on unknown`",
    "ACTOR": "the name of a process and `:`",
    "COMPARE": "== != < <= > >=",
    "ASSIGN": "`=`",
    "COLON": "`:`",
    "PLUS": "`+`",
    "MINUS": "`-`",
    "ARITHMETIC": "* / % & | ^ << >>",
    "TILDE": "`~`",
    "RANGE": "`..`",
    "COMMA": "`,`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    END: "the end of the file",
}
_OPENING = {"LSQB": "RSQB", "LPAR": "RPAR", "LBRACE": "RBRACE"}
_MANY = 20  # a longer list of what could stand here helps nobody


def explain(machine: Automaton, report: Collector) -> None:
    """Report the next token of the machine, which does not fit.

    Args:
        machine: as it stands before that token.
        report: takes the diagnostic; none if the lexer has reported the token already.
    """
    token, file = machine.token, machine.builder.file
    if token.type == "BAD":
        return
    opened = _innermost_open(machine)
    if opened and (token.type == END or begins_item(machine.tokens, machine.index)):
        closing = _READABLE[_OPENING[opened.type]]
        where = "the end of the file" if token.type == END else f"`{shown(token.text)}`"
        report.error(
            "BPFC0110",
            f"{closing} is missing in front of {where}",
            token.span(file),
            related=((f"this `{opened.text}` is not closed", opened.span(file)),),
        )
    elif not _unknown_word(machine, token, report):
        _unexpected(machine, token, report)


def mistyped_equals(machine: Automaton, report: Collector) -> bool:
    """Take `=` for `==` where a comparison is due, with an error; False if that is not the case."""
    token = machine.token
    if token.type != "ASSIGN" or not machine.accepts("COMPARE"):
        return False
    report.error(
        "BPFC0101",
        "`=` does not compare",
        token.span(machine.builder.file),
        suggestion="==",
    )
    machine.feed("COMPARE", token._replace(text="=="))
    machine.index += 1
    return True


def too_deep(machine: Automaton, limit: int, report: Collector) -> None:
    """Report an opening parenthesis inside too many others."""
    report.error(
        "BPFC0107",
        f"more than {limit} parentheses inside one another",
        machine.token.span(machine.builder.file),
        remedy="split the rule, or leave out parentheses that change nothing",
    )


def _innermost_open(machine: Automaton) -> Token | None:
    """The last opening sign on the stack that is not closed yet."""
    tokens = (v for v in reversed(machine.values) if isinstance(v, Token))
    return next((t for t in tokens if t.type in _OPENING), None)


def _unknown_word(machine: Automaton, token: Token, report: Collector) -> bool:
    """Report a word where a clause, an item or an operator should begin; False if it is none."""
    if token.type not in ("WORD", "NAME"):
        return False
    fresh = token.first or machine.tokens[machine.index - 1].type == "LBRACE"
    if fresh and machine.accepts("WHEN") and machine.accepts("METADATA"):
        known, planned, what = {*CLAUSE_WORDS, *METADATA}, PLANNED_CLAUSES, "clause of a rule"
    elif fresh and machine.accepts("EXPECT"):
        known, planned, what = {*STATEMENT_WORDS, "NAME:"}, frozenset(), "statement of a test"
    elif fresh and machine.accepts("RULE"):
        known, planned, what = set(ITEM_WORDS), frozenset(), "top-level item"
    elif machine.accepts("COMPARE"):
        known, planned, what = _keywords(machine), frozenset(), "operator"
    else:
        return False
    span = token.span(machine.builder.file)
    word = shown(token.text)
    if token.text in planned:
        report.error(
            "BPFC0106",
            f"`{word}` is not in language 1",
            span,
            remedy="it is planned for a later version of the language",
        )
        return True
    report.error(
        "BPFC0105",
        f"unknown {what} `{word}`",
        span,
        expected=tuple(sorted(known)) if len(known) <= _MANY else (),
        suggestion=nearest(token.text, known),
    )
    return True


def _unexpected(machine: Automaton, token: Token, report: Collector) -> None:
    """Report any other token with what could stand in its place."""
    kinds = [kind for kind in machine.expected() if kind != "SKIPPED"]
    readable = [_READABLE.get(kind, f"`{kind.lower()}`") for kind in kinds]
    what = "the file ends too early" if token.type == END else f"unexpected `{shown(token.text)}`"
    word = token.type == "WORD"
    report.error(
        "BPFC0101",
        what,
        token.span(machine.builder.file),
        expected=tuple(sorted(readable)) if len(readable) <= _MANY else (),
        suggestion=nearest(token.text, _keywords(machine)) if word else "",
    )


def _keywords(machine: Automaton) -> set[str]:
    """The keywords that fit here."""
    fitting = set(machine.expected())
    return {word for word, kind in machine.table.keywords.items() if kind in fitting}
