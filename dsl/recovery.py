"""Where to go on after a syntax error: the next list element, clause or item.

The grammar accepts the terminal SKIPPED where a whole element, clause, rule name or item may stand.
Recovery drops what is half read, feeds SKIPPED, and leaves the tokens in between out.
"""

from dsl.automaton import Automaton
from dsl.lexer import ITEM_WORDS, Token, begins_item
from dsl.table import END
from dsl.words import METADATA, PLANNED_CLAUSES

CLAUSE_WORDS = frozenset(
    {"on", "when", "except", "threshold", "alert", "deny", "kill", "add", "untag", "silent", "mode"}
    | {"output", "allow", "confirm"}
)

# What statements of a test begin with, besides the name of an actor.
STATEMENT_WORDS = frozenset({"given", "event", "after", "expect"})

# A symbol by which to tell in which place SKIPPED fits, and how far out that place is.
_LEVELS = {
    "clause": "WHEN",
    "statement": "EXPECT",
    "item": "RULE",
    "element": "STRING",
    "rule name": "NAME",
}
_RANK = {"element": 0, "clause": 1, "statement": 1, "rule name": 1, "item": 2}
_INSIDE = ("clause", "statement")  # levels between the braces of an item


def recover(machine: Automaton) -> None:
    """Move to a place from where the rest of the file can be read.

    Args:
        machine: stands before a token that does not fit; afterwards before one that does.
    """
    levels = _levels(machine)
    brackets = 0
    # Braces inside a rule: what closes them does not close the rule.
    inner = sum(isinstance(v, Token) and v.type == "LBRACE" for v in machine.values) > 1
    for index in range(machine.index, len(machine.tokens)):
        token = machine.tokens[index]
        if inner and token.type == "RBRACE":
            inner = False
            continue
        level = _target(machine.tokens, index, levels, brackets)
        if not level and index > machine.index:
            level = _slip(token, levels)
        if level:
            machine.index = index
            machine.cut(levels[level])
            machine.feed("SKIPPED", token)
            if level in _INSIDE and token.type != "RBRACE" and _ends_item(machine, index):
                machine.feed("RBRACE", token)
            return
        brackets += (token.type == "LSQB") - (token.type == "RSQB")


def _levels(machine: Automaton) -> dict[str, int]:
    """Where on the stack SKIPPED fits: by level the height of the stack, inner levels first."""
    levels: dict[str, int] = {}
    rank, top = -1, len(machine.states)
    for height in range(top, 0, -1):
        row = machine.table.actions[machine.states[height - 1]]
        # What is complete so far is kept only if a new line says that it was meant to be.
        complete = height == top and (machine.token.first or machine.token.type == END)
        # Only a look at the stack tells where a condition ends: in a rule, or as a whole macro.
        complete = complete and machine.accepts("SKIPPED")
        shifts = isinstance(row.get("SKIPPED"), int)
        if shifts or complete:
            fits = (lambda kind, row=row: kind in row) if shifts else machine.accepts
            level = next(name for name, symbol in _LEVELS.items() if fits(symbol))
            if _RANK[level] > rank:
                levels[level], rank = height, _RANK[level]
    return levels


def _target(tokens: list[Token], index: int, levels: dict[str, int], brackets: int) -> str:
    """The level on which the token at `index` lets the parser go on, or ""."""
    token = tokens[index]
    if token.type == END or begins_item(tokens, index) or _first_item_word(token):
        return next((level for level in _INSIDE if level in levels), "item")
    if "element" in levels and brackets == 0 and token.type in ("COMMA", "RSQB"):
        return "element"
    if "clause" in levels:
        clause = token.type == "WORD" and (token.text in CLAUSE_WORDS or token.text in METADATA)
        if token.type == "RBRACE" or (clause and (token.first or "element" not in levels)):
            return "clause"
    if "statement" in levels and (token.type == "RBRACE" or _begins_statement(tokens, index)):
        return "statement"
    if "rule name" in levels and token.type == "LBRACE":
        return "rule name"
    return ""


def _begins_statement(tokens: list[Token], index: int) -> bool:
    """Whether a statement of a test begins with a token."""
    token = tokens[index]
    if token.type != "WORD" or not token.first:
        return False
    return token.text in STATEMENT_WORDS or tokens[index + 1].type == "COLON"


def _slip(token: Token, levels: dict[str, int]) -> str:
    """The level of a word that looks like the beginning of an item or a clause and is none.

    Reading goes on there only so that it is reported too.
    """
    if not any(level in levels for level in _INSIDE):
        return "item" if token.type == "WORD" and token.column == 1 else ""
    return "clause" if "clause" in levels and token.first and token.text in PLANNED_CLAUSES else ""


def _ends_item(machine: Automaton, index: int) -> bool:
    """Whether the rule or test ends in front of this token without its brace."""
    token = machine.tokens[index]
    return token.type == END or begins_item(machine.tokens, index) or _first_item_word(token)


def _first_item_word(token: Token) -> bool:
    """Whether an item probably begins here although what follows is wrong."""
    return token.first and token.type == "WORD" and token.text in ITEM_WORDS
