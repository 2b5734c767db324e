"""Every code is explained, its examples are right, and nothing has a code without explanation."""

import re
from datetime import date
from pathlib import Path

import pytest

import dsl
from dsl.codes import Explanation, explain, load
from dsl.frontend import MAX_FILE, check

HEADER = 'policy "example" version "1" language 1\n'
FILES = {
    "shells.det": 'list shells = ["sh", "bash"]\nlist more = ["zsh"]\nmacro shell = true',
    "circle.det": 'include "./circle.det"',
    "policy.det": HEADER,
}
# Sources for the codes whose bad example is in words.
SPECIAL: dict[str, str | bytes] = {
    "BPFC0001": b"\xff\xfep\x00",
    "BPFC0002": "#" * (MAX_FILE + 1),
    "BPFC0003": " \n\t\r\n",
    "BPFC0006": HEADER + "".join(f'include "many/{i}.det"\n' for i in range(1000)),
    "BPFC0111": HEADER + "@\n" * 1000,
    "BPFC0226": HEADER
    + f"list a0 = [{','.join(map(str, range(10_000)))}]\n"
    + "".join(f"list a{i + 1} = a{i} + [1]\n" for i in range(101))
    + "rule a { on process.exec when proc.uid in a101 }",
    "BPFC0318": HEADER
    + "rule r0 { on process.exec when true }\n"
    + "".join(f"rule r{i + 1} extends r{i} {{}}\n" for i in range(17)),
    "BPFC0478": HEADER + "".join(f"set s{i} : ip[1]\n" for i in range(33)),
    "BPFC0321": HEADER
    + "rule a { on process.exec when true output { "
    + ", ".join(f"v{i} = proc.uid" for i in range(33))
    + " } }",
    "BPFC0322": HEADER + f'rule a {{ on process.exec when true title "{"x" * 20_000}" }}',
    "BPFC0532": HEADER
    + "".join(
        f"rule r{i} {{ on process.exec when proc.uid > {i} and proc.uid != 70000 alert }}\n"
        for i in range(10_000)
    ),
    "BPFC0308": HEADER + f'rule a {{ on process.exec when proc.cmdline contains "{"a" * 1025}" }}',
}
CODES = sorted(load())


def included(name: str) -> str:
    """The files that examples include."""
    numbered = re.fullmatch(r"many/\d+\.det", name)
    if name not in FILES and not numbered:
        raise FileNotFoundError(2, "No such file or directory")
    return "# nothing" if numbered else FILES[name]


def _codes(text: str | bytes) -> set[str]:
    """The codes that the front end gives for one file."""
    return {
        item.code
        for item in check([("example.det", text)], load=included, today=date(2026, 5, 1))[1]
    }


def _source(explanation: Explanation, example: str) -> str:
    """An example as a file."""
    return example if explanation.whole else HEADER + example


@pytest.mark.parametrize("code", CODES)
def test_bad_example_gives_the_code_and_nothing_else(code: str) -> None:
    explanation = load()[code]
    if explanation.checked:
        assert _codes(_source(explanation, explanation.bad)) == {code}
    else:
        assert code in _codes(SPECIAL[code])


@pytest.mark.parametrize("code", CODES)
def test_good_example_is_clean(code: str) -> None:
    explanation = load()[code]
    assert _codes(_source(explanation, explanation.good)) == set()


def test_the_code_base_and_the_explanations_name_the_same_codes() -> None:
    sources = Path(str(dsl.__file__)).parent.rglob("*.py")
    used = {code for path in sources for code in re.findall(r"BPFC\d{4}", path.read_text("utf-8"))}
    # The examples in docstrings are codes that exist too.
    assert used - {"BPFC0123"} == set(CODES)


def test_explain_shows_title_text_and_examples() -> None:
    text = explain("bpfc0201")
    assert text is not None
    assert text.splitlines()[0] == "BPFC0201: Unknown field"
    assert "    rule a { on process.exec when proc.exe.nam " in text


def test_explain_of_an_unknown_code_is_none() -> None:
    assert explain("BPFC9999") is None
    assert explain("") is None
