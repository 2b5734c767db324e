"""Whether the language and the compiler take what a translation says."""

from collections.abc import Iterable

from bpfc_cli.importing.model import Code, Reason, Translation
from bpfc_cli.importing.source import rules_text
from compiler.plan.planner import plan
from dsl.diagnostics import Diagnostic
from dsl.frontend import check

_HEADER = 'policy "imported" version "1" language 1\n'


def checked(found: Iterable[Translation]) -> tuple[Translation, ...]:
    """Check each rule as a policy of its own.

    Rules of a policy do not hide one another, so together they are as right as alone; only names
    and ids have to be their own.

    Args:
        found: translations with names.

    Returns:
        The same; those that are refused, or whose id another rule has, with reasons in the place of
        a detection.
    """
    ids: dict[str, Translation] = {}
    result = []
    for item in found:
        reasons = _refusals(item) if item.names else ()
        first = ids.setdefault(item.about.id, item) if item.names and item.about.id else item
        if first is not item:
            text = f"the rule at {first.origin} has the same id"
            reasons = (*reasons, Reason(Code.INVALID, "id", text))
        result.append(item.refused(*reasons) if reasons else item)
    return tuple(result)


def _refusals(item: Translation) -> tuple[Reason, ...]:
    """What the front end or the planner says against a rule; each code once."""
    policy, found = check([("imported.det", _HEADER + rules_text(item))])
    if policy is not None:
        # Also of events that no adapter reads yet: the limits are the same.
        _, found = plan(policy, testing=True)
    errors: dict[str, Diagnostic] = {}
    for diagnostic in found:
        if diagnostic.severity == "error":
            errors.setdefault(diagnostic.code, diagnostic)
    return tuple(Reason(Code.LIMIT, code, error.message) for code, error in errors.items())
