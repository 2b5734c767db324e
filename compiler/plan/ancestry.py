"""Conditions on ancestors: each is a rule on the event "image of a process" (`dsl.ancestry`), with
a matcher like any event's. What a matcher finds out of an image is a bit for each condition."""

from collections.abc import Collection
from hashlib import sha256

from attrs import evolve

from bpfc.artifact.layout import digest_of
from bpfc.artifact.manifest import EventLayout
from compiler.plan.matcher import event_plan
from compiler.plan.memory_shapes import Memory
from compiler.plan.model import ImagePlan
from dsl.ancestry import ANCESTOR, ANCESTORS_MAX, ancestors_in, image, of_process
from dsl.derived import AnyAncestor
from dsl.diagnostics import Collector
from dsl.typed import Policy, Rule, Test
from dsl.walk import rule_fields, rule_tests


def conditions_of(policy: Policy) -> dict[str, tuple[AnyAncestor, Rule, Test]]:
    """The different conditions on ancestors of a policy; the place of one is its bit.

    Args:
        policy: a checked policy.

    Returns:
        By text, in the order of first use: the condition, its first rule and test.
    """
    found: dict[str, tuple[AnyAncestor, Rule, Test]] = {}
    for _, rule in policy.parts:
        for test in rule_tests(rule):
            for item in ancestors_in(iter((test,))):
                found.setdefault(item.text, (item, rule, test))
    return found


def image_fields(policy: Policy) -> frozenset[str]:
    """The fields of a process that conditions on ancestors read of its image.

    Args:
        policy: a checked policy.

    Returns:
        Catalogue names, bases of parts included.
    """
    rules = _rules(policy)
    fields = [field for rule in rules for field in rule_fields(rule)]
    return frozenset(of_process(name) for f in fields for name in (f.name, f.base) if name)


def image_plan(
    policy: Policy, context: EventLayout, memory: Memory, problems: Collector
) -> ImagePlan | None:
    """The matcher of images.

    Args:
        policy: a checked policy.
        context: the process context of its records, with the parts that conditions read.
        memory: what the policy remembers.
        problems: takes diagnostics.

    Returns:
        The plan; None without such conditions, or after a diagnostic.
    """
    known = conditions_of(policy)
    if not known:
        return None
    if len(known) > ANCESTORS_MAX:
        _, _, test = list(known.values())[ANCESTORS_MAX]
        problems.error(
            "BPFC0683",
            f"the policy has more than {ANCESTORS_MAX} different conditions on ancestors",
            test.span,
            remedy="use the same conditions in several rules, or compile two policies",
        )
        return None
    rules = evolve(policy, rules=_rules(policy), sets=())
    layout = _layout(context, image_fields(policy))
    plan = event_plan(rules, image(), layout, problems, testing=True)
    if plan is None:
        return None
    # What the bits mean: entries with another digest are of other conditions.
    digest = sha256("\0".join(memory.ancestors).encode()).digest()[:8]
    return ImagePlan(
        evolve(plan, linux=plan.linux + digest, size=plan.size + len(digest)), plan.size
    )


def _rules(policy: Policy) -> tuple[Rule, ...]:
    """Each condition as a rule; it has the name of the first rule that uses it, for messages."""
    return tuple(
        evolve(
            rule,
            metadata=(),
            events=(image(),),
            when=item.when,
            excepts=(),
            deny=None,
            kill=None,
            alert=None,
            threshold=None,
            output=(),
            sequence=None,
            turn=None,
            confirm=None,
            effects=(),
        )
        for item, rule, _ in conditions_of(policy).values()
    )


def _layout(context: EventLayout, used: Collection[str]) -> EventLayout:
    """The places of an image's fields: those of the process itself."""
    names = {of_process(field.name): field.name for field in image().fields}
    numbers = tuple(evolve(n, name=names[n.name]) for n in context.numbers if n.name in names)
    texts = tuple(evolve(t, name=names[t.name]) for t in context.texts if t.name in names)
    assert all(name in names for name in used), f"more than {ANCESTOR} has"
    event = image()
    return EventLayout(
        event=event.name,
        number=event.number,
        numbers=numbers,
        texts=texts,
        digest=digest_of(event.name, event.number, numbers, texts),
        message=(),
    )
