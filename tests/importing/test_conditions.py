"""Conditions as values: fewer words mean the same, and text comes back as it was."""

from hypothesis import given
from hypothesis import strategies as st

from bpfc_cli.importing.conditions import (
    All,
    Always,
    Any,
    Condition,
    Not,
    Raw,
    Unseen,
    halves,
    is_unseen,
    quoted,
    shown,
    simplified,
    without,
)
from bpfc_cli.importing.conditions import Test as FieldTest  # pytest would collect it
from bpfc_cli.importing.stages import apart, asks_agent, divided
from dsl.frontend import check
from dsl.semantics import evaluate

HEADER = 'policy "c" version "1" language 1\nrule r { on process.exec '
OPS = ("==", "startswith", "endswith", "contains")
TEXTS = ("a", "B", "12", "ab")

tests = st.builds(
    FieldTest,
    field=st.sampled_from(["proc.cmdline", "proc.comm"]),
    op=st.sampled_from(OPS),
    values=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=2, unique=True).map(
        lambda found: tuple(map(quoted, found))
    ),
    nocase=st.booleans(),
)
leaves = st.one_of(tests, st.builds(Always, st.booleans()), st.just(Raw("proc.uid == 0")))


def grown(leaf: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    """Conditions of some leaves."""
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(All, st.lists(inner, max_size=3).map(tuple)),
            st.builds(Any, st.lists(inner, max_size=3).map(tuple)),
        ),
        max_leaves=8,
    )


AGENT = FieldTest("proc.uid.name", "==", ('"a"',))

records = st.fixed_dictionaries(
    {
        "proc.cmdline": st.sampled_from([b"", b"a", b"A", b"ab", b"12B", b"b12a"]),
        "proc.comm": st.sampled_from([b"", b"b", b"ABab"]),
        "proc.uid": st.integers(0, 1),
        "proc.uid.name": st.sampled_from([b"a", b"b"]),
    }
)


def holds(condition: Condition, record: dict[str, bytes | int]) -> bool:
    """Whether the language finds a condition true, as it is written here or simplified."""
    second = asks_agent(condition)
    clause = f"when true confirm when {shown(condition)}" if second else f"when {shown(condition)}"
    policy, found = check([("c.det", f"{HEADER} {clause} }}")])
    assert policy is not None, (shown(condition), found)
    rule = policy.rules[0]
    return evaluate(rule.when if rule.confirm is None else rule.confirm.when, record)[0]


def plain(condition: Condition, record: dict[str, bytes | int], unseen: bool) -> bool:
    """The same by the tree, test by test."""
    match condition:
        case Always():
            return condition.value
        case Unseen():
            return unseen
        case Not():
            return not plain(condition.item, record, unseen)
        case All():
            return all(plain(item, record, unseen) for item in condition.items)
        case Any():
            return any(plain(item, record, unseen) for item in condition.items)
        case _:
            return holds(condition, record)


@given(grown(leaves), records)
def test_fewer_words_mean_the_same(condition: Condition, record: dict[str, bytes | int]) -> None:
    assert holds(simplified(condition), record) == plain(condition, record, False)


@given(grown(leaves), records)
def test_one_of_two_halves_is_true(condition: Condition, record: dict[str, bytes | int]) -> None:
    parts = halves(simplified(condition))
    if parts is not None:
        found = [holds(simplified(part), record) for part in parts]
        assert any(found) == plain(condition, record, False)


@given(grown(st.one_of(leaves, st.just(Unseen("x")))), records)
def test_without_user_space_a_rule_never_matches_more(
    condition: Condition, record: dict[str, bytes | int]
) -> None:
    if holds(simplified(without(condition, is_unseen, False)), record):
        assert plain(condition, record, False) and plain(condition, record, True)


@given(grown(st.one_of(leaves, st.just(AGENT))), records)
def test_alternatives_of_the_agent_stand_apart(
    condition: Condition, record: dict[str, bytes | int]
) -> None:
    parts = apart(simplified(condition))
    if parts is not None:
        found = [plain(part, record, False) for part in parts]
        assert any(found) == plain(condition, record, False)


@given(
    grown(st.one_of(leaves, st.just(AGENT))),
    st.lists(grown(st.one_of(leaves, st.just(AGENT))), max_size=2),
    records,
)
def test_both_stages_are_the_whole(
    condition: Condition, exceptions: list[Condition], record: dict[str, bytes | int]
) -> None:
    named = [(str(number), item) for number, item in enumerate(exceptions)]
    whole = All((condition, *map(Not, exceptions)))
    stages = divided(condition, named)
    first = All((stages.when, *(Not(item) for _, item in stages.excepts)))
    assert not asks_agent(first)
    confirmed = stages.confirm is None or holds(stages.confirm, record)
    assert (plain(first, record, False) and confirmed) == plain(whole, record, False)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20))
def test_any_text_can_be_written(text: str) -> None:
    policy, found = check([("c.det", f"{HEADER} when true title {quoted(text)} }}")])
    assert policy is not None, found
    assert dict(policy.rules[0].metadata)["title"] == text
