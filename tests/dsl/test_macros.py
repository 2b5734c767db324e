"""Macros: a call means what its condition means, and no policy makes the front end run away."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.frontend import check
from dsl.macros import MAX_NESTING, MAX_POLICY, MAX_RULE
from tests.dsl.summary import expr_text

HEADER = 'policy "p" version "1" language 1\n'

SENSELESS = ("BPFC0502", "BPFC0523", "BPFC0524")


def _check(text: str) -> tuple[str, list[str]]:
    """The first rule's condition, and the codes of findings; no matter if it makes sense."""
    policy, found = check([("a.det", HEADER + text)], allow=SENSELESS)
    return expr_text(policy.rules[0].when) if policy else "", [item.code for item in found]


def _rule(condition: str, name: str = "r") -> str:
    return f"rule {name} {{ on process.exec when {condition} }}\n"


NUMBERS = ["proc.uid", "proc.gid", "proc.pid"]
LEAVES = [f"{field} {op} {n}" for field in NUMBERS for op in ("==", "<", "!=") for n in (1, 7)]
CONDITIONS = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        inner.map(lambda c: f"not ({c})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({' '.join(t)})"),
    ),
    max_leaves=6,
)


@given(CONDITIONS, CONDITIONS, st.sampled_from(["and", "or"]))
def test_a_macro_is_its_condition_in_parentheses(one: str, two: str, word: str) -> None:
    two = f"{two} or proc.ppid == 3"  # `not not` would be joined only where the parser sees both
    written = _check(_rule(f"({one}) {word} not ({two}) {word} ({one})"))
    macros = f"macro one = {one}\nmacro two = {two}\n"
    called = _check(_rule(f"one {word} not two {word} one") + macros)
    assert called == written


@given(CONDITIONS, st.permutations(NUMBERS))
def test_arguments_are_put_in_all_at_once(condition: str, fields: list[str]) -> None:
    parameters = dict(zip(NUMBERS, ("p0", "p1", "p2"), strict=True))
    body = re.sub("proc.[a-z]+", lambda m: parameters[m[0]], condition)
    argument = dict(zip(NUMBERS, fields, strict=True))
    written = re.sub("proc.[a-z]+", lambda m: argument[m[0]], condition)
    # The parameters of one are called like the arguments of the other: a second look would show.
    calls = f"macro m(p0, p1, p2) = {body}\nmacro n(p2, p0, p1) = m(p2, p0, p1)\n"
    assert _check(_rule(written)) == _check(calls + _rule(f"n({', '.join(fields)})"))


def test_places_of_tests_are_those_in_the_macro() -> None:
    text = HEADER + "macro m = proc.uid == 5\n" + _rule("m")
    policy, _ = check([("a.det", text)])
    assert policy is not None
    span = getattr(policy.rules[0].when, "span", None)
    assert span is not None and text[span.start : span.end] == "proc.uid == 5"


def test_a_parameter_hides_a_list_only_inside_its_macro() -> None:
    text = 'list v = ["list"]\nmacro m(v) = proc.comm == v and n\nmacro n = proc.comm == v\n'
    assert _check(text + _rule('m("argument")'))[0] == (
        "(and (proc.comm == 'argument') (proc.comm == 'list'))"
    )


@pytest.mark.parametrize(("length", "codes"), [(MAX_NESTING, []), (MAX_NESTING + 1, ["BPFC0223"])])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_chain_of_macros(length: int, codes: list[str], backwards: bool) -> None:
    macros = [f"macro m{i} = m{i + 1}\n" for i in range(1, length)]
    macros.append(f"macro m{length} = proc.uid == 1\n")
    text = "".join(reversed(macros) if backwards else macros)
    assert _check(text + _rule("m1"))[1] == codes


def test_deep_conditions_in_deep_macros_do_not_exhaust_the_stack() -> None:
    deep = "not (proc.gid == 2 and proc.uid == 1 or " * 60 + "{}" + ")" * 60
    macros = "".join(f"macro m{i} = {deep.format(f'm{i + 1}')}\n" for i in range(20))
    assert _check(macros + "macro m20 = proc.uid == 1\n" + _rule("m0"))[1] == ["BPFC0223"]
    assert _check("macro m = proc.uid == 1\n" + _rule(deep.format("m")))[1] == []


@pytest.mark.parametrize("body", ["{0} and {0}", "not ({0} or {0} or {0})", "{0} or true"])
def test_growth_is_bounded(body: str) -> None:
    macros = "".join(f"macro m{i} = {body.format(f'm{i + 1}')}\n" for i in range(60))
    _, codes = _check(macros + "macro m60 = proc.uid == 1\n" + _rule("m0 and m0"))
    assert set(codes) - {"BPFC0502"} <= {"BPFC0223"}
    assert "BPFC0223" in codes or "true" in body


def test_growth_by_lists_is_bounded() -> None:
    values = ", ".join(map(str, range(1000)))
    macros = f"macro m(v) = {' or '.join(['proc.uid in v'] * 20)}\n"
    assert _check(macros + _rule(f"m([{values}])"))[1] == ["BPFC0223"]


def test_growth_of_a_policy_is_bounded() -> None:
    count = MAX_RULE - 10
    macro = f"macro m = {' or '.join(['proc.uid == 1'] * count)}\n"
    rules = [_rule("m", f"r{i}") for i in range(MAX_POLICY // count + 2)]
    assert "BPFC0223" not in _check(macro + rules[0])[1]
    assert set(_check(macro + "".join(rules))[1]) == {"BPFC0223"}


def test_many_cycles_are_no_trouble() -> None:
    ring = [f"macro m{i} = m{(i + 1) % 5000} and m{max(i - 7, 0)}\n" for i in range(5000)]
    policy, found = check([("a.det", HEADER + "".join(ring) + _rule("m17"))])
    assert policy is None
    assert {item.code for item in found} == {"BPFC0222"}
    assert all(len(item.message) < 1000 for item in found)
