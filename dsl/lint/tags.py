"""Tags that rules give and none asks for."""

from collections.abc import Iterable, Sequence

from dsl.diagnostics import Collector, shown
from dsl.membership import SUBJECTS, HasTag, Tag
from dsl.typed import Rule, Test


def warn(rules: Sequence[Rule], tests: Iterable[Test], report: Collector) -> None:
    """Warn of tags that make no difference.

    Args:
        rules: of a policy without errors.
        tests: all of their tests.
        report: takes the warnings.
    """
    asked = set()
    for test in tests:
        source = getattr(test.field, "source", None)
        if isinstance(source, HasTag):
            asked.add((SUBJECTS[source.subject], source.tag))
    for rule in rules:
        for effect in rule.effects:
            if isinstance(effect, Tag) and (SUBJECTS[effect.subject], effect.tag) not in asked:
                report.warning(
                    "BPFC0530",
                    f"no rule asks for the tag `{shown(effect.tag)}`",
                    effect.span,
                    remedy="leave it out, or test "
                    f"`{SUBJECTS[effect.subject]} tagged {shown(effect.tag)}` somewhere",
                )
