"""Tags: notes on processes, containers and files that rules make, take away and ask for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from dsl import syntax
from dsl.catalogue import Event, Field, Kind
from dsl.derived import derived
from dsl.diagnostics import Collector, nearest, shown
from dsl.membership import IDENTITY, SUBJECTS, TAGS_MAX, HasTag, Tag, Untag
from dsl.sets import lifetime
from dsl.syntax import Name
from dsl.typed import Expr, Op, Test

# Names of tags that rules give, by the kind of subject.
Tags = Mapping[str, frozenset[str]]
Events = Sequence[Event]


class Mention(Protocol):
    """Something in a file that names a subject and a tag."""

    @property
    def subject(self) -> Name: ...

    @property
    def tag(self) -> Name: ...


def given(rules: Iterable[syntax.Rule], report: Collector) -> Tags:
    """The tags that rules give.

    Args:
        rules: of the policy.
        report: takes a diagnostic if they are too many.

    Returns:
        Names by kind of subject: proc, container, file.
    """
    found: dict[str, dict[str, Name]] = {kind: {} for kind in SUBJECTS.values()}
    for rule in rules:
        for clause in rule.clauses:
            if isinstance(clause, syntax.Tag) and clause.subject.text in SUBJECTS:
                found[SUBJECTS[clause.subject.text]].setdefault(clause.tag.text, clause.tag)
    for kind, names in found.items():
        for name in list(names.values())[TAGS_MAX:][:1]:
            report.error(
                "BPFC0478",
                f"the policy has more than {TAGS_MAX} tags of the kind `{kind}`",
                name.span,
                remedy="use one tag for what is always asked for together",
            )
    return {kind: frozenset(names) for kind, names in found.items()}


def test_of(item: syntax.Tagged, tags: Tags, events: Events, report: Collector) -> Expr | None:
    """`proc tagged NAME` as a typed test.

    Args:
        item: as parsed.
        tags: those that rules give.
        events: of the rule; none if they were wrong.
        report: takes diagnostics.
    """
    fields = _identity(item, events, report)
    if fields is None or not _is_given(item, tags, report):
        return None
    source = HasTag(item.subject.text, item.tag.text, fields)
    return Test(derived(source, Kind.BOOL), Op.EQ, (1,), item.span)


def tag_of(item: syntax.Tag, events: Events, report: Collector) -> Tag | None:
    """`tag proc NAME` as a typed effect; arguments as for `test_of`."""
    fields = _identity(item, events, report)
    life = lifetime(item.lifetime, report)
    if item.inherited is not None and SUBJECTS.get(item.subject.text, "proc") != "proc":
        report.error(
            "BPFC0477",
            f"`{item.subject.text}` has no children that could inherit a tag",
            item.inherited.span,
            remedy="leave `inherited` out; only tags of processes are inherited",
        )
        return None
    if fields is None or life is None:
        return None
    inherited = item.inherited is not None
    return Tag(item.subject.text, item.tag.text, fields, inherited, life, item.span)


def untag_of(item: syntax.Untag, tags: Tags, events: Events, report: Collector) -> Untag | None:
    """`untag proc NAME` as a typed effect; arguments as for `test_of`."""
    fields = _identity(item, events, report)
    if fields is None or not _is_given(item, tags, report):
        return None
    return Untag(item.subject.text, item.tag.text, fields, item.span)


def _identity(item: Mention, events: Events, report: Collector) -> tuple[Field, ...] | None:
    """The fields by which a subject is told apart on the rule's events."""
    subject = item.subject
    if subject.text not in SUBJECTS:
        report.error(
            "BPFC0475",
            f"`{shown(subject.text)}` cannot have tags",
            subject.span,
            expected=tuple(SUBJECTS),
            suggestion=nearest(subject.text, SUBJECTS),
        )
        return None
    for event in events:
        if any(event.field(name) is None for name in IDENTITY[subject.text]):
            report.error(
                "BPFC0475",
                f"there is no `{subject.text}` on {event.name}",
                subject.span,
                remedy="write a rule of its own for the events that have one",
            )
            return None
    known = (event.field(name) for event in events[:1] for name in IDENTITY[subject.text])
    return tuple(field for field in known if field is not None) or None


def _is_given(item: Mention, tags: Tags, report: Collector) -> bool:
    """Whether some rule gives the tag; a diagnostic if not."""
    known = tags[SUBJECTS[item.subject.text]]
    if item.tag.text in known:
        return True
    report.error(
        "BPFC0476",
        f"no rule gives a {SUBJECTS[item.subject.text]} the tag `{shown(item.tag.text)}`",
        item.tag.span,
        suggestion=nearest(item.tag.text, known),
        remedy=f"a rule with `tag {item.subject.text} {shown(item.tag.text)}` would",
    )
    return False
