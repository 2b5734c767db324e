"""Conditions about ancestors: `proc.ancestors any CONDITION`.

Inside, names are those of the ancestor: the process that forked, with the image that it had then.
An image is an event of its own here (IMAGE), so that everything behind the checker treats such a
condition as that of a rule.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from attrs import evolve, frozen

from dsl import catalogue, spelling
from dsl.catalogue import Event, Field, Kind
from dsl.derived import AnyAncestor, Derived, derived
from dsl.diagnostics import Collector, nearest, shown
from dsl.macros import Substitution
from dsl.membership import HasTag, Member
from dsl.syntax import Ancestors, Condition, Membership, Name, Tagged
from dsl.typed import Expr, Op, Test
from dsl.walk import tests_of

SUBJECT = "proc.ancestors"
ANCESTOR = "ancestor"  # what an ancestor is called inside
IDENTITY = ("proc.pid", "proc.start_time")
ANCESTORS_MAX = 64  # different conditions of a policy
STORED_TEXT = 4096  # bytes of a text of the process table
_NO_IMAGE = (Member, HasTag, AnyAncestor)  # what no image by itself tells
_KNOWN = (
    "pid",
    "exe.path",
    "exe.name",
    "exe.directory",
    "exe.extension",
    "exe.in_memory",
    "cmdline",
    "argv",
    "invoked_as",
    "script.path",
    "script.directory",
    "script.extension",
)


def of_process(name: str) -> str:
    """The name that a field of an ancestor has as a field of the process itself."""
    return "proc" + name.removeprefix(ANCESTOR)


@cache
def image() -> Event:
    """What is known of an ancestor, as an event: no event of the catalogue."""
    fork = catalogue.load().event("process.fork")
    assert fork is not None
    wanted = {f"proc.{name}" for name in _KNOWN}
    fields = tuple(_own(field) for field in fork.fields if field.name in wanted)
    return Event(
        name="process.image",
        number=0,
        fields=fields,
        phases=("after",),
        platforms=("linux",),
        since=1,
        doc="A process as it was when it forked.",
    )


def _own(field: Field) -> Field:
    """A field of a process as that of an ancestor."""
    name, base = (ANCESTOR + text.removeprefix("proc") if text else "" for text in _names(field))
    return evolve(
        field,
        name=name,
        base=base,
        capacity=min(field.capacity, STORED_TEXT),
        platforms=("linux",),
    )


def _names(field: Field) -> tuple[str, str]:
    return field.name, field.base


@frozen
class _Inside(Substitution):
    """Gives names their place: `exe.name` is `ancestor.exe.name`."""

    def condition(self, item: Condition) -> Condition | None:
        """As for a macro; what is remembered by name cannot be asked here."""
        if isinstance(item, Membership | Tagged | Ancestors):
            _remembered(item.span, self.report)
            return None
        return super().condition(item)

    def _argument(self, name: Name) -> tuple[Name | None, str]:
        full = f"{ANCESTOR}.{name.text}"
        return (Name(full, name.span), "") if image().field(full) else (None, "")


def _remembered(span: object, report: Collector) -> None:
    report.error(
        "BPFC0682",
        "sets, tags and ancestors cannot be asked about inside a condition on ancestors",
        span,  # type: ignore[arg-type]
        remedy="ask for them beside it, joined by `and`; an ancestor can `tag` what it starts",
    )


def report_unknown(name: Name, report: Collector) -> None:
    """Report a name that an ancestor does not have.

    Args:
        name: as written.
        report: takes the diagnostic.
    """
    report.error(
        "BPFC0680",
        f"an ancestor has no `{shown(name.text)}`",
        name.span,
        expected=_KNOWN,
        suggestion=nearest(name.text.removeprefix(f"{ANCESTOR}."), _KNOWN),
    )


def test_of(
    item: Ancestors,
    events: Sequence[Event],
    report: Collector,
    check: Callable[[Condition, bool], Expr | None],
) -> Expr | None:
    """`proc.ancestors any CONDITION` as a typed test.

    Args:
        item: as parsed.
        events: of the rule; none if they were wrong.
        report: takes diagnostics.
        check: checks a condition on `image()`, as `Conditions.check` does.
    """
    if item.subject.text != SUBJECT:
        report.error(
            "BPFC0681",
            f"`{shown(item.subject.text)}` is no list of processes",
            item.subject.span,
            expected=(SUBJECT,),
            remedy=f"write {SUBJECT} any (CONDITION)",
        )
        return None
    lonely = next((event for event in events if not event.has_process), None)
    if lonely is not None:
        report.error(
            "BPFC0346",
            f"{lonely.name} has no process, so there is no `{SUBJECT}`: {lonely.no_process}",
            item.subject.span,
            remedy="test the process on an event that is seen where it runs",
        )
        return None
    inside = _Inside({}, report).condition(item.condition)
    when = check(inside, False) if inside is not None else None
    if when is None or not _plain(when, report):
        return None
    known = events or catalogue.load().events
    first = next(event for event in known if event.has_process)
    identity = tuple(field for name in IDENTITY if (field := first.field(name)) is not None)
    source = AnyAncestor(when, identity, f"{SUBJECT} any ({spelling.condition(when)})")
    return Test(derived(source, Kind.BOOL), Op.EQ, (1,), item.span)


def _plain(when: Expr, report: Collector) -> bool:
    """Whether a condition asks for nothing that changes with time; a diagnostic if it does."""
    asked = [test for test in tests_of(when) if isinstance(_source(test), _NO_IMAGE)]
    for test in asked:
        _remembered(test.span, report)
    return not asked


def _source(test: Test) -> object:
    return test.field.source if isinstance(test.field, Derived) else None


def ancestors_in(tests: Iterator[Test]) -> Iterator[AnyAncestor]:
    """The conditions on ancestors that tests put, in their order.

    Args:
        tests: of a rule.
    """
    for test in tests:
        source = _source(test)
        if isinstance(source, AnyAncestor):
            yield source
