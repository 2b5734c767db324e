"""From files of Falco's rules to translations: what `bpfc import falco` does."""

from collections.abc import Iterable

from bpfc_cli.importing.checking import checked
from bpfc_cli.importing.conditions import shown, simplified
from bpfc_cli.importing.falco.book import SEVERITIES, Rule, read
from bpfc_cli.importing.falco.conditions import Translator
from bpfc_cli.importing.falco.entries import Wrong, entries
from bpfc_cli.importing.falco.exceptions import condition_of
from bpfc_cli.importing.falco.names import Declarations
from bpfc_cli.importing.falco.parsing import ConditionError, parse
from bpfc_cli.importing.falco.rules import Found, of_rule
from bpfc_cli.importing.falco.syntax import Expression
from bpfc_cli.importing.falco.tables import tables
from bpfc_cli.importing.mitre import sorted_tags
from bpfc_cli.importing.model import About, Code, Detection, Reason, Refused, Translation
from bpfc_cli.importing.source import named

SOURCE = "syscall"  # where events come from that the kernel sees
_STATUSES = {
    "maturity_stable": "stable",
    "maturity_incubating": "test",
    "maturity_sandbox": "experimental",
    "maturity_deprecated": "deprecated",
}


def translated(
    contents: Iterable[tuple[str, bytes]],
    mappings: Iterable[tuple[str, bytes]] = (),
    kernel_part: bool = False,
) -> tuple[Translation, ...]:
    """Translate rules.

    Args:
        contents: names of files and what is in them, in the order in which Falco would read them.
        mappings: names and contents of a user's tables of fields and events.
        kernel_part: of rules that need user space, keep what needs none.

    Returns:
        Each rule of the files, in their order; with names those that are part of a policy.

    Raises:
        ImportFailed: a mapping is none (BPFC0830).
    """
    known = tables(mappings)
    book = read(item for name, data in contents for item in entries(name, data))
    translator = Translator(book, known, Declarations())
    wrong = [_wrong(item) for item in book.wrong]
    rules = [_one(translator, rule, kernel_part) for rule in book.rules.values()]
    every = sorted([*rules, *wrong], key=lambda item: (item.origin.file, item.origin.line))
    return named(checked(every))


def _wrong(item: Wrong) -> Translation:
    reason = Reason(Code.INVALID, "rule", item.text)
    return Translation(item.origin, About(item.title), reasons=(reason,))


def _one(translator: Translator, rule: Rule, kernel_part: bool) -> Translation:
    """What became of a rule."""
    empty = Translation(rule.origin, _about(rule))
    if rule.source != SOURCE:
        text = f"events of {rule.source} come from a plugin, not from the kernel"
        return empty.refused(Reason(Code.EVENT, rule.source, text))
    try:
        condition = parse(rule.condition)
        exceptions = _exceptions(rule)
        found = of_rule(translator, condition, exceptions, rule.output, kernel_part)
    except ConditionError as error:
        return empty.refused(Reason(Code.INVALID, "condition", str(error)))
    except RecursionError:
        return empty.refused(Reason(Code.INVALID, "condition", "conditions nest too deep"))
    except Refused as refused:
        return empty.refused(refused.reason)
    return _translation(translator, rule, found)


def _translation(translator: Translator, rule: Rule, found: Found) -> Translation:
    detections = tuple(Detection(p.events, p.when, p.excepts, alert=p.alert) for p in found.parts)
    conditions = [c for d in detections for c in (d.when, *(when for _, when in d.excepts))]
    needed = translator.names.used("\n".join(shown(simplified(c)) for c in conditions))
    return Translation(
        rule.origin,
        _about(rule),
        detections,
        found.reasons,
        notes=found.notes,
        needs=needed,
        disabled=not rule.enabled,
    )


def _exceptions(rule: Rule) -> list[tuple[str, Expression]]:
    found = []
    for number, exception in enumerate(rule.exceptions, 1):
        condition = condition_of(exception)
        if condition is not None:
            found.append((exception.name or f"exception {number}", condition))
    return found


def _about(rule: Rule) -> About:
    mitre, tags = sorted_tags(rule.tags)
    status = next((_STATUSES[tag] for tag in tags if tag in _STATUSES), "")
    return About(
        title=rule.name,
        description=" ".join(rule.description.split()),
        severity=SEVERITIES[rule.priority],
        status=status,
        mitre=mitre,
        tags=tuple(tag for tag in tags if tag not in _STATUSES),
    )
