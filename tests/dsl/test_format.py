"""The formatter: pairs of files, every file of the repository, and generated ones.

`python -m tests.dsl.formatting` writes the expected texts anew.
"""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.diagnostics import Collector
from dsl.formatter import format_source
from dsl.layout import WIDTH
from dsl.lexer import tokens
from dsl.parser import parse
from tests.dsl.formatting import FORMAT, formatted, hold
from tests.house.table import ROOT

EVERY = sorted(
    path for top in ("benchmarks", "examples", "tests") for path in (ROOT / top).rglob("*.det")
)


def _sound(path: Path) -> bool:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    report = Collector()
    parse(path.name, text, report)
    return bool(text.strip()) and not report.has_errors


SOUND = [path for path in EVERY if _sound(path)]
# Files as people keep them; what tests read is formatted only where that is not its point.
KEPT = [path for path in SOUND if path.parts[len(ROOT.parts)] in ("benchmarks", "examples")]
KEPT += sorted((ROOT / "tests" / "vm" / "data").glob("*.det"))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("name", sorted(path.stem for path in FORMAT.glob("*.det")))
def test_pairs(name: str) -> None:
    source = FORMAT / f"{name}.det"
    assert formatted(source.read_bytes()) == source.with_suffix(".txt").read_text("utf-8")


def test_there_are_pairs() -> None:
    assert len(list(FORMAT.glob("*.det"))) == len(list(FORMAT.glob("*.txt"))) >= 3


@pytest.mark.parametrize("path", SOUND, ids=_name)
def test_every_file(path: Path) -> None:
    hold(path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n"))


@pytest.mark.parametrize("path", sorted(set(EVERY) - set(SOUND)), ids=_name)
def test_files_with_errors_are_left_alone(path: Path) -> None:
    text, found = format_source(path.name, path.read_bytes())
    assert text is None and any(item.severity == "error" for item in found)


@pytest.mark.parametrize("path", KEPT, ids=_name)
def test_the_repositorys_own_files_are_formatted(path: Path) -> None:
    assert formatted(path.read_bytes()) == path.read_text("utf-8")


def test_the_files_are_found() -> None:
    assert len(SOUND) >= 10 and len(set(EVERY) - set(SOUND)) >= 3 and len(KEPT) >= 6


def test_an_error_is_reported_once_and_as_check_does() -> None:
    text, found = format_source("x.det", "rule a { on process.exec when }")
    assert text is None and [(item.code, item.span.column) for item in found] == [("BPFC0101", 31)]


def test_line_ends_follow_the_first_line() -> None:
    source = 'policy  "p" # x\r\n  version "1" language 1\n\n\nlist a=[1,\r\n2] # y\r\n'
    expected = 'policy "p"  # x\n  version "1"\n  language 1\n\nlist a = [1, 2]  # y\n'
    assert formatted(source) == expected.replace("\n", "\r\n")
    assert formatted(formatted(source)) == formatted(source)
    assert formatted("# a\n\r\nlist a = [1]\r\n") == "# a\n\nlist a = [1]\n"


@pytest.mark.parametrize("loss", ["list a = [2]", "list a = [1]  # d", "list a = [1]", ""])
def test_a_loss_is_never_returned(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsl.formatter._lines", lambda *_: [loss])
    with pytest.raises(AssertionError, match=r"changed more of x\.det"):
        format_source("x.det", "list a = [1]  # c")


def test_a_byte_order_mark_goes() -> None:
    assert formatted(b"\xef\xbb\xbflist  a = [1]") == "list a = [1]\n"


def test_names_that_look_like_keywords() -> None:
    hold('list and = ["a"] rule or { on process.exec when proc.exe.name in and and proc.uid == 0 }')


# ------------------------------------------------------------ generated files

_values = st.sampled_from(
    ['"a"', '"#"', r'r"\#"', r'"\"\\"', '"' + "long " * 15 + '"', "1", "-5", "0x1F", "1_0", "2KiB",
     "3 .. 4", "1..2", "10.0.0.0/8", "::1", "2001:db8::/32", "name", "in"]
)  # fmt: skip
_lists = st.lists(_values, max_size=12).flatmap(
    lambda values: st.sampled_from(
        [f"[ {' , '.join(values)} ]"] + ([f"[ {' , '.join(values)} , ]"] if values else [])
    )
)
_operands = st.builds(
    lambda quantifier, value, suffix: f"{quantifier} {value} {suffix}",
    st.sampled_from(["", "any", "all"]),
    st.one_of(_values, _lists),
    st.sampled_from(["", "nocase", "exact nocase"]),
)
_tests = st.one_of(
    st.sampled_from(
        [
            "proc.a",
            "true",
            "proc.tty exists",
            "proc.tty not exists",
            "m ( )",
            "m ( p , 5 )",
            "proc tagged web",
            "proc.ancestors any exe.name == 1",
            "proc.ancestors any ( a or not b )",
            "( a , b ) in c",
            "(a, b) not in c",
            "ip is_private",
            "proc.ancestors[2].exe.name == 1",
            'proc.env["A B"] == "x"',
            "length ( a ) + 1 > b * ( c - 2 )",
            "- a == ~ b",
            "a&1 == 1",
            r'a regex r"\\d+" nocase',
            'a glob "/**/[!x]"',
            'a glob all ["x", "y"]',
        ]
    ),
    st.builds(
        lambda field, operator, operand: f"{field} {operator} {operand}",
        st.sampled_from(["proc.a", "x", "proc.argv any", "proc.argv [ 3 ]", "proc.argv count"]),
        st.sampled_from(["==", "!=", "<=", "in", "not in", "under", "contains", "has"]),
        _operands,
    ),
)
_conditions = st.recursive(
    _tests,
    lambda inner: st.one_of(
        st.builds("not {}".format, inner),
        st.builds("( {} )".format, inner),
        st.builds(" and ".join, st.lists(inner, min_size=1, max_size=4)),
        st.builds(" or ".join, st.lists(inner, min_size=1, max_size=4)),
    ),
    max_leaves=8,
)
_steps = st.builds(
    "[a.b {} {}] {}".format,
    st.sampled_from(["", "as w"]),
    st.one_of(st.just(""), st.builds("when {}".format, _conditions)),
    st.sampled_from(["", "by proc", "by ( proc , remote.ip )"]),
)
_clauses = st.one_of(
    st.sampled_from(
        ["on a or b.c", "deny EPERM on unknown else kill", "kill proc , proc.parent",
         "deny EPERM", "silent", "mode audit", "alert", 'alert "{x} #"', "severity low", "mitre T1"]
    ),
    st.builds("mitre {}".format, _lists),
    st.builds(
        lambda values, comma: f"output {{ {' , '.join(values)} {comma} }}",
        st.lists(
            st.sampled_from(["a = proc.a", f'b="{"long " * 15}"', "output = x"]),
            min_size=1,
            max_size=4,
        ),
        st.sampled_from(["", ","]),
    ),
    st.sampled_from(["allow A , B", "allow BPFC0501"]),
    st.sampled_from(
        ["threshold 20 distinct remote.ip within 1min by ( proc , a )", "threshold 2 within 1s",
         'alert "x" limit 5 per 1min by(proc, remote.ip)', "alert limit 1 per 1s",
         "add a to b for 1d", "add ( a , b ) to c", "tag proc web inherited for 10min", "tag [ 1 ]",
         "untag proc.parent web", "except from set s on x",
         'except "n" owner "o" from set s:(path,path)[4096] on (a, b)']
    ),
    st.builds(
        lambda within, steps, until: f"on sequence {within} {' '.join(steps)} {until}",
        st.sampled_from(["", "within 30s"]),
        st.lists(_steps, min_size=1, max_size=3),
        st.one_of(st.just(""), st.builds("until {}".format, _steps)),
    ),
    st.builds("when {}".format, _conditions),
    st.builds("except when {}".format, _conditions),
    st.builds('except "name" when {}'.format, _conditions),
)  # fmt: skip
_given = st.sampled_from(
    ['"a"', 'repeat ( "a" , 5 )', '"a"+hex("ff")', "each(1..2 , 5)", "[ ]", '["a" , ("b",1),]', "5",
     "10.0.0.0/8", "unknown", 'truncated(["a", "b"])']
)  # fmt: skip
_values_given = st.builds(
    lambda values, comma: f"{{ {', '.join(values)} {comma if values else ''} }}",
    st.lists(
        st.builds("{}={}".format, st.sampled_from(["a", "b.c", "expect"]), _given), max_size=3
    ),
    st.sampled_from(["", ","]),
)
_statements = st.one_of(
    st.sampled_from(
        ["expect nothing", "expect no deny EPERM by r", "expect would kill", "expect deny",
         "after 5s", "expect alert by r partial 5 times", "expect kill proc.parent by kill",
         "given proc a",
         "expect alert.severity != high", 'expect alert.output.x contains "y" by r', "expect kill",
         "web :process.exit", "after : process.exit 5 times", "given proc given child of web"]
    ),
    st.builds("given proc w child of p {}".format, _values_given),
    st.builds("given set s = [ {} , ({} , 1) ]".format, st.just('"x"'), st.just("10.0.0.1")),
    st.builds("web: process.exec {} 20 times every 1s".format, _values_given),
    st.builds("event net.packet {}".format, _values_given),
)  # fmt: skip
_items = st.one_of(
    st.builds(
        lambda statements: f'test "t" {{ {" ".join(statements)} }}',
        st.lists(_statements, max_size=6),
    ),
    st.builds("list {} = {}".format, st.sampled_from(["a", "in", "any"]), _lists),
    # What follows a bare `deny` or `kill` could be taken for its operand.
    st.builds(
        lambda head, clauses, last: f"{head} {{ {' '.join(clauses)} {last} }}",
        st.sampled_from(["rule r", "rule extends extends r", "override rule r"]),
        st.lists(_clauses, max_size=4),
        st.sampled_from(["", "deny", "kill"]),
    ),
    st.builds("macro m ( p , q ) = {}".format, _conditions),
    st.builds("list l = {} + m - {}".format, _lists, _lists),
    st.sampled_from(['include "x.det"', "disable r", "macro n = true", "allow A , B"]),
    st.sampled_from(["set s:ip[5]", "set s : ( path , path ) [ 4096 ] for 1d", "set s : string"]),
    st.sampled_from(['policy "p" version "1" language 1', f'policy "{"p" * 90}" mode audit']),
)
_SPACES = st.sampled_from(["", " ", "  ", "\n", "\n\n\n", "\t", "\r\n", " \f "])
_GAPS = st.one_of(
    _SPACES,
    st.sampled_from(
        [" # c\n", "# c 1 \t\n\n", "\n# own line\n", "\n\n#\n\n\n  # two\n\n", "#,]\r\n"]
    ),
)
_LONE = set("[](){},")


def _spread(source: str, data: st.DataObject, gaps: st.SearchStrategy[str]) -> str:
    """The same words with other things between them."""
    found = [token.text for token in tokens("x.det", source, Collector()) or []]
    text = data.draw(gaps)
    for word, after in zip(found, [*found[1:], ","], strict=True):
        gap = data.draw(gaps)
        text += word + (gap if gap or word in _LONE or after in _LONE else " ")
    return text


@given(st.lists(_items, min_size=1, max_size=4))
def test_generated_files(items: list[str]) -> None:
    text = hold("\n".join(items))
    for line in text.splitlines():
        # Whatever is longer than a line holds a string that is.
        assert len(line) <= WIDTH or re.search('"[^"]{60,}', line), line


@given(st.lists(_items, min_size=1, max_size=3), st.data())
def test_generated_files_with_comments_everywhere(items: list[str], data: st.DataObject) -> None:
    hold(_spread("\n".join(items), data, _GAPS))


@given(st.lists(_items, min_size=1, max_size=3), st.data())
def test_how_words_were_set_does_not_matter(items: list[str], data: st.DataObject) -> None:
    bare = formatted("\n".join(items))
    spread = formatted(_spread(bare, data, _SPACES))
    # Blank lines are the author's, one at a time.
    assert re.sub(r"\s*\n", "\n", spread) == re.sub(r"\n+", "\n", bare)
