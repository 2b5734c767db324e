"""Sums and differences of lists."""

from hypothesis import given
from hypothesis import strategies as st

from dsl import typed
from dsl.frontend import check

HEADER = 'policy "p" version "1" language 1\n'
NUMBERS = st.lists(st.integers(0, 9), min_size=1, max_size=5)


@given(NUMBERS, st.lists(st.tuples(st.booleans(), NUMBERS), max_size=4), st.booleans())
def test_sums_and_differences(
    first: list[int], more: list[tuple[bool, list[int]]], named: bool
) -> None:
    lists, terms = [f"list t = {first}\n"], ["t"]
    expected = dict.fromkeys(first)
    for index, (added, values) in enumerate(more):
        term = f"t{index}" if named else str(values)
        lists += [f"list {term} = {values}\n"] if named else []
        terms += ["+" if added else "-", term]
        for value in values:
            if added:
                expected.setdefault(value)
            else:
                expected.pop(value, None)
    rule = "rule r { on process.exec when proc.uid in total }"
    policy, found = check(
        [("a.det", f"{HEADER}list total = {' '.join(terms)}\n{rule}\n{''.join(lists)}")]
    )
    errors = [item.code for item in found if item.severity == "error"]
    assert errors == ([] if expected else ["BPFC0305"])
    if policy is not None:
        test = policy.rules[0].when
        assert isinstance(test, typed.Test) and test.values == tuple(expected)


def test_long_chains_of_lists_are_no_trouble() -> None:
    chain = [f"list a{i} = a{i + 1} + [{i}]\n" for i in range(1000)]
    rule = "rule r { on process.exec when proc.uid in a0 }"
    policy, found = check([("a.det", f"{HEADER}{''.join(chain)}list a1000 = [1000]\n{rule}")])
    assert found == () and policy is not None
    test = policy.rules[0].when
    assert isinstance(test, typed.Test) and len(test.values) == 1001
