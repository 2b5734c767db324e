"""`dsl/grammar.lark` as EBNF for people.

The parser's grammar is plain BNF with lists written as left recursion. Here a rule that only
repeats or may be left out is written as `{ ... }` or `[ ... ]`, in the place of its name where it
does not contain itself; alternatives that only serve recovery after an error are left out.
"""

import re
import textwrap

from attrs import frozen

from dsl.lexer import SYMBOLS
from dsl.words import METADATA
from tests.house.table import ROOT

_WIDTH = 96
_RULE = re.compile(r"^([a-z_]+):(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
_KEYWORD = re.compile(r'^([A-Z_]+): "(\w+)"$', re.MULTILINE)
_TERMINALS = {
    "COMPARE": "COMPARE",
    "METADATA": "METADATA",
    "ON_UNKNOWN": '"on" "unknown"',
    **{kind: f'"{sign}"' for sign, kind in SYMBOLS.items()},
}
_DEFINED = {
    "COMPARE": ("==", "!=", "<", "<=", ">", ">="),
    "METADATA": tuple(METADATA),
}

Alternative = tuple[str, ...]


@frozen
class _Form:
    """The right side of a rule.

    Args:
        text: as EBNF.
        plumbing: whether it is a repetition or may be empty.
    """

    text: str
    plumbing: bool


def ebnf() -> str:
    """The grammar.

    Returns:
        Lines `name = ... ;`, the first rule first, without a line end after the last.
    """
    whole = (ROOT / "dsl" / "grammar.lark").read_text("utf-8")
    text = re.sub(r"^(//|%).*\n", "", whole, flags=re.MULTILINE)
    keywords = {name: f'"{word}"' for name, word in _KEYWORD.findall(text)}
    rules = {name: _alternatives(body) for name, body in _RULE.findall(text)}
    forms = _inlined({name: _form(name, found) for name, found in rules.items()})
    spelled = {**_TERMINALS, **keywords}
    lines = [_line(name, form.text, spelled) for name, form in forms.items()]
    for name, words in _DEFINED.items():
        lines.append(_line(name, " | ".join(f'"{word}"' for word in words), {}))
    return "\n".join(lines)


def _alternatives(body: str) -> list[Alternative]:
    """The alternatives of a rule, those for recovery aside."""
    found = [tuple(part.partition("->")[0].split()) for part in body.split("|")]
    return [alternative for alternative in found if "SKIPPED" not in alternative]


def _form(name: str, found: list[Alternative]) -> _Form:
    """A rule's right side; what it repeats of itself becomes `{ }`, what may be nothing `[ ]`."""
    again = [each[1:] for each in found if each[:1] == (name,)]
    base = [each for each in found if each[:1] != (name,)]
    rest = _join(again)
    if again and base == [()]:
        return _Form(f"{{ {rest} }}", True)
    if again:
        first = _join(base)
        start = f"( {first} )" if len(base) > 1 else first
        return _Form(f"{start} {{ {rest} }}", True)
    if () in base:
        return _Form(f"[ {_join([each for each in base if each])} ]", True)
    return _Form(_join(base), False)


def _join(found: list[Alternative]) -> str:
    """Alternatives as text."""
    return " | ".join(map(" ".join, found))


def _inlined(forms: dict[str, _Form]) -> dict[str, _Form]:
    """The rules, repetitions and optional parts in the place of their names."""
    for name in list(forms):
        form = forms[name]  # as it is by now
        trivial = form.plumbing or " " not in form.text
        if not trivial or name in _reached(name, forms):
            continue
        del forms[name]
        for other, target in forms.items():
            text = re.sub(rf"\b{name}\b", form.text.replace("\\", r"\\"), target.text)
            forms[other] = _Form(text, target.plumbing)
    return forms


def _reached(name: str, forms: dict[str, _Form]) -> set[str]:
    """Rules that a rule mentions, directly or not."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for word in re.findall(r"\b[a-z_]+\b", forms[waiting.pop()].text):
            if word in forms and word not in found:
                found.add(word)
                waiting.append(word)
    return found


def _line(name: str, text: str, spelled: dict[str, str]) -> str:
    """One rule; its alternatives on lines of their own where they do not fit on one."""
    whole = re.sub(r"\b[A-Z_]+\b", lambda m: spelled.get(m[0], m[0]), f"{name} = {text} ;")
    if len(whole) <= _WIDTH:
        return whole
    parts = _cut(whole[len(name) + 3 :])
    if all(" " not in part.removesuffix(" ;") for part in parts):
        return textwrap.fill(whole, _WIDTH, subsequent_indent="    ", break_long_words=False)
    return "\n".join([f"{name} = {parts[0]}", *(f"    | {part}" for part in parts[1:])])


def _cut(text: str) -> list[str]:
    """Text in pieces between the bars that stand in no brackets."""
    parts, depth, begin = [], 0, 0
    for match in re.finditer(r'"[^"]*"|[\[\](){}|]', text):
        sign = match[0]
        depth += (sign in "[({") - (sign in "])}")
        if sign == "|" and not depth:
            parts.append(text[begin : match.start()].strip())
            begin = match.end()
    return [*parts, text[begin:].strip()]
