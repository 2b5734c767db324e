"""Tables mean what the reference interpreter says: random policies, random records, both halves."""

from ipaddress import ip_address, ip_network

from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st

from compiler.plan.planner import plan
from dsl.catalogue import Field, Kind
from dsl.derived import (
    Binary,
    Compare,
    Fixed,
    Length,
    Read,
    Same,
    Source,
    Unary,
    derived,
)
from dsl.semantics import ABSENT, UNKNOWN, FieldValue, Truncated, evaluate
from dsl.typed import And, Constant, Expr, Not, Op, Or, Range, Rule
from dsl.typed import Test as Check
from tests.compiler.plan.executor import judge
from tests.compiler.plan.policies import CONNECT, SPAN, policy, raw_of, rule

# The catalogue has no signed number yet, and not every platform has every field.
DELTA = Field(
    "test.delta", Kind.INT, True, 0, True, False, (), "", "", "before", ("linux", "windows"), 1, ""
)
FLAGS = evolve(DELTA, name="test.flags", kind=Kind.FLAGS, signed=False)
EVENT = evolve(CONNECT, fields=(*CONNECT.fields, DELTA, FLAGS))
SIGNED = st.sampled_from([-(1 << 63), -5, -1, 0, 1, 5, (1 << 63) - 1])
UNSIGNED = st.sampled_from([0, 1, 22, 80, 81, 443, (1 << 64) - 1])
NUMBERS = ("remote.port", "proc.pid", "net.protocol", "test.delta", "test.flags")
NETWORKS = [
    ip_network(text)
    for text in ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "0.0.0.0/0", "::/0", "::/128")
] + [ip_network(text) for text in ("2001:db8::/32", "::ffff:10.0.0.0/104", "ff00::/8")]
ADDRESSES = [
    ip_address(text)
    for text in ("10.0.0.0", "10.1.2.3", "10.255.255.255", "11.0.0.0", "0.0.0.0", "::")
] + [ip_address(text) for text in ("2001:db8::1", "255.255.255.255", "ffff::1", "::1")]

# Letters whose UTF-16 bytes look like other letters' (U+6161, U+0161 and U+0141, U+4141).
PIECES = ["a", "b", "A", "B", "aa", "-", " ", "\u0161", "\u0141", "\u6161", "\u4141", "\U0001f600"]
LINUX_PIECES = [*PIECES, "/", "/bin", "/usr/bin", "/tmp"]
WINDOWS_PIECES = [*PIECES, "\\", "C:\\a", "\\Device"]
TEXTS = {
    "linux": (
        *("proc.exe.path", "proc.exe.name", "proc.cmdline", "proc.argv", "proc.script.path"),
        *("proc.exe.directory", "proc.exe.extension", "proc.script.directory", "proc.argv"),
    ),
    "windows": ("proc.exe.path", "proc.exe.name", "proc.cmdline", "proc.parent.exe.path"),
}
LITERAL_OPS = (Op.EQ, Op.STARTSWITH, Op.ENDSWITH, Op.CONTAINS, Op.UNDER)
GLOBS = ["*a", "a*", "*a*", "?", "[!a]*", "/**/a", "/*/?", "/bin/*", "**/[ab]?", "a?b", "\\*"]
REGEXES = ["a", "^a$", "a.*b", "^.$", "[^a]b", r"\bb", "(?i)AB", "^(a|b)+$", "^/tmp", "a{2}", "^$"]


def pieces(platform: str) -> list[str]:
    return LINUX_PIECES if platform == "linux" else WINDOWS_PIECES


def words(platform: str, most: int = 4) -> st.SearchStrategy[bytes]:
    parts = st.lists(st.sampled_from(pieces(platform)), max_size=most)
    return parts.map(lambda found: "".join(found).encode())


@st.composite
def text_tests(draw: st.DrawFn, platform: str) -> Check:
    field = EVENT.field(draw(st.sampled_from(TEXTS[platform])))
    assert field is not None
    if draw(st.integers(0, 7)) == 0:
        return Check(field, Op.EXISTS, (), SPAN)
    element = None
    if field.kind is Kind.STRINGS and draw(st.integers(0, 5)) == 0:
        op = draw(st.sampled_from((Op.EQ, Op.LT, Op.LE, Op.GT, Op.GE)))
        several = st.lists(st.integers(1, 4), min_size=1, max_size=3 if op is Op.EQ else 1)
        counts = tuple(n + (op in (Op.LT, Op.GE)) for n in draw(several))
        return Check(field, op, counts, SPAN, element="count")
    if field.kind is Kind.STRINGS:
        element = draw(st.sampled_from(["any", "any", "all", "0", "1", "2"]))
    # What separates the components of a path differs, and the reference knows Linux only.
    patterns = (Op.REGEX,) if platform == "windows" else (Op.REGEX, Op.GLOB)
    op = draw(st.sampled_from((*LITERAL_OPS, *patterns)))
    values = words(platform)
    if op in patterns:
        known = [text.encode() for text in (GLOBS if op is Op.GLOB else REGEXES)]
        values = st.sampled_from(known)
    return Check(
        field,
        op,
        tuple(draw(st.lists(values, min_size=1, max_size=3))),
        SPAN,
        every=draw(st.booleans()),
        nocase=draw(st.booleans()),
        exact=draw(st.booleans()),
        element=element,
    )


@st.composite
def number_tests(draw: st.DrawFn) -> Check:
    if draw(st.integers(0, 3)) == 0:
        field = EVENT.field("remote.ip")
        assert field is not None
        nets = draw(st.lists(st.sampled_from(NETWORKS), min_size=1, max_size=3))
        return Check(field, Op.EQ, tuple(nets), SPAN)
    field = EVENT.field(draw(st.sampled_from(NUMBERS)))
    assert field is not None
    values = SIGNED if field.signed else UNSIGNED
    if field.kind is Kind.FLAGS and draw(st.booleans()):
        op = draw(st.sampled_from((Op.HAS_ANY, Op.HAS_ALL)))
        return Check(field, op, tuple(draw(st.lists(values, min_size=1, max_size=3))), SPAN)
    op = draw(st.sampled_from((Op.EQ, Op.LT, Op.LE, Op.GT, Op.GE, Op.EXISTS)))
    if op is Op.EXISTS:
        return Check(field, op, (), SPAN)
    if op is Op.EQ:
        ranges = st.tuples(values, values).map(lambda pair: Range(min(pair), max(pair)))
        several = st.lists(values | ranges, min_size=1, max_size=3)
        return Check(field, op, tuple(draw(several)), SPAN, every=draw(st.booleans()))
    return Check(field, op, (draw(values),), SPAN)


OPERATORS = st.sampled_from(["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"])
COMPARISONS = st.sampled_from(["==", "<", "<=", ">", ">="])
LENGTHS = ("proc.exe.path", "proc.exe.name", "proc.cmdline", "proc.script.path")


def known(name: str) -> Field:
    field = EVENT.field(name)
    assert field is not None
    return field


def sources(platform: str) -> st.SearchStrategy[Source]:
    """Calculations."""
    numbers = st.sampled_from(NUMBERS).map(lambda name: Read(known(name)))
    leaves: st.SearchStrategy[Source] = st.one_of(SIGNED.map(Fixed), numbers)
    if platform == "linux":  # the reference counts bytes of UTF-8, Windows units of UTF-16
        leaves |= st.sampled_from(LENGTHS).map(lambda name: Length(known(name)))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(Unary, st.sampled_from(["-", "~"]), inner),
            st.builds(Binary, OPERATORS, inner, inner),
        ),
        max_leaves=4,
    )


@st.composite
def derived_tests(draw: st.DrawFn, platform: str) -> Check:
    match draw(st.integers(0, 3)):
        case 0:
            names = st.sampled_from(LENGTHS)
            if platform == "windows":  # texts are not compared there
                names = st.just("remote.ip")
            source: Source = Same(known(draw(names)), known(draw(names)))
        case 1:
            source = Compare(draw(COMPARISONS), draw(sources(platform)), draw(sources(platform)))
        case _:
            op = draw(st.sampled_from((Op.EQ, Op.LT, Op.LE, Op.GT, Op.GE)))
            # A field alone is not computed: it would have the name of the field itself.
            computed = sources(platform).filter(lambda source: not isinstance(source, Read))
            found = derived(draw(computed))
            bound = SIGNED if not isinstance(found.source, Length) else st.integers(0, 20)
            return Check(found, op, (draw(bound),), SPAN)
    return Check(derived(source, Kind.BOOL), Op.EQ, (1,), SPAN)


def conditions(platform: str) -> st.SearchStrategy[Expr]:
    leaves: st.SearchStrategy[Expr] = st.one_of(
        text_tests(platform),
        number_tests(),
        derived_tests(platform),
        st.booleans().map(Constant),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            inner.map(Not),
            st.lists(inner, min_size=1, max_size=3).map(lambda items: And(tuple(items))),
            st.lists(inner, min_size=1, max_size=3).map(lambda items: Or(tuple(items))),
        ),
        max_leaves=6,
    )


@st.composite
def rules(draw: st.DrawFn, platform: str) -> Rule:
    excepts = tuple(draw(st.lists(conditions(platform), max_size=2)))
    return rule(draw(conditions(platform)), EVENT, excepts=excepts)


@st.composite
def texts(draw: st.DrawFn, platform: str, joined: bool) -> FieldValue:
    text = draw(words(platform, 8))
    if joined:
        text = b"\0".join([text, *draw(st.lists(words(platform), max_size=2))])
    match draw(st.integers(0, 5)):
        case 0:
            return UNKNOWN
        case 1:
            # At least as long as the longest pattern.
            return Truncated(text + b"z" * 64 + draw(words(platform)))
        case 2:
            return ABSENT
        case _:
            return text


@st.composite
def records(draw: st.DrawFn, platform: str) -> dict[str, FieldValue]:
    record: dict[str, FieldValue] = {}
    for name in TEXTS[platform]:
        field = EVENT.field(name)
        assert field is not None
        if not field.part:
            record[name] = draw(texts(platform, joined=name == "proc.cmdline"))
    for name in NUMBERS:
        values = SIGNED if name == "test.delta" else UNSIGNED
        record[name] = draw(values | st.sampled_from([UNKNOWN, ABSENT]))
    record["remote.ip"] = draw(st.sampled_from([*ADDRESSES, UNKNOWN]))
    if platform == "windows":
        record["proc.exe.name"] = windows_name(record["proc.exe.path"])
    return record


def windows_name(path: FieldValue) -> FieldValue:
    if isinstance(path, Truncated):
        return UNKNOWN
    return path.rpartition(b"\\")[2] if isinstance(path, bytes) else path


def folded_paths(expr: Expr) -> Expr:
    """The condition as Windows means it: paths fold case by type."""
    match expr:
        case Check():
            path = expr.field.name.endswith((".path", ".exe.name"))
            return evolve(expr, nocase=True) if path else expr
        case Not():
            return Not(folded_paths(expr.item))
        case And():
            return And(tuple(folded_paths(item) for item in expr.items))
        case Or():
            return Or(tuple(folded_paths(item) for item in expr.items))
    return expr


def compare(items: list[Rule], record: dict[str, FieldValue], platform: str) -> None:
    result, problems = plan(policy(*items))
    assume(result is not None)  # too many alternatives
    assert result is not None and not problems
    (matcher,) = result.events
    found = judge(matcher, raw_of(EVENT, record, platform), platform)
    for local, item in enumerate(items):
        whole = And((item.when, *(Not(clause.when) for clause in item.excepts)))
        expected = evaluate(folded_paths(whole) if platform == "windows" else whole, record)
        assert (local in found.fire, local in found.definite, local in found.possible) == expected


@given(
    st.lists(rules("linux"), min_size=1, max_size=4), st.sampled_from([1, 1, 30]), records("linux")
)
def test_linux(items: list[Rule], copies: int, record: dict[str, FieldValue]) -> None:
    compare(items * copies, record, "linux")


@given(st.lists(rules("windows"), min_size=1, max_size=4), records("windows"))
def test_windows(items: list[Rule], record: dict[str, FieldValue]) -> None:
    compare(items, record, "windows")
