"""Sigma's files: which there are, and the rules in them with their lines."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from attrs import frozen
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError, SigmaRuleLocation
from sigma.filters import SigmaFilter
from sigma.rule.base import SigmaYAMLLoader

from bpfc_cli.importing.files import MAX_FILE
from bpfc_cli.importing.model import About, Code, Origin, Reason, Translation
from bpfc_cli.importing.sigma.about import Rule, origin_of
from bpfc_cli.importing.sigma.regexes import options


@frozen
class Read:
    """What files hold.

    Args:
        rules: in the order of the files; those that others refer to come first.
        wrong: what is no rule.
    """

    rules: tuple[Rule, ...]
    wrong: tuple[Translation, ...]


def read(contents: Iterable[tuple[str, bytes]]) -> Read:
    """Read rules, correlations and filters.

    Args:
        contents: names of files and what is in them.

    Returns:
        Rules to be converted, filters applied, references resolved.
    """
    found: list[Rule | SigmaFilter] = []
    wrong: list[Translation] = []
    for name, data in contents:
        for part in _parts(name, data):
            if isinstance(part, Translation):
                wrong.append(part)
            else:
                found.append(part)
    return _resolved(found, wrong)


def _resolved(found: list[Rule | SigmaFilter], wrong: list[Translation]) -> Read:
    """Filters applied; correlations whose rules are not there are no rules."""
    rules = [item for item in found if not isinstance(item, SigmaFilter)]
    for item in found:
        if isinstance(item, SigmaFilter):
            wrong += _filtered(rules, item)
    collection = SigmaCollection(list(rules), resolve_references=False)
    kept: list[Rule] = []
    for rule in collection.rules:
        try:
            if isinstance(rule, SigmaCorrelationRule):
                rule.resolve_rule_references(collection)
        except SigmaError as error:
            wrong.append(_wrong(origin_of(rule), message_of(error), rule.title))
            continue
        except (TypeError, AttributeError):
            wrong.append(_wrong(origin_of(rule), WRONG_TYPE, rule.title))
            continue
        kept.append(rule)
    circular = {id(rule): rule for rule in kept if _leads_to_circle(rule)}
    for rule in circular.values():
        wrong.append(_wrong(origin_of(rule), "it refers to rules that refer to it", rule.title))
    ordered = _in_order(rule for rule in kept if id(rule) not in circular)
    return Read(tuple(ordered), tuple(wrong))


def _filtered(rules: Iterable[Rule], item: SigmaFilter) -> Iterator[Translation]:
    """Apply a filter to the rules that it is about; one that is about none is told."""
    applied = False
    for rule in rules:
        if not isinstance(rule, SigmaCorrelationRule):
            before = list(rule.detection.condition)
            item.apply_on_rule(rule)
            applied |= rule.detection.condition != before
    if not applied:
        reason = Reason(Code.FILTER, "filter", "it is about none of the rules that are imported")
        yield Translation(origin_of(item), About(item.title), reasons=(reason,))


def _referred(rule: Rule) -> list[Rule]:
    """The rules that a rule refers to."""
    if isinstance(rule, SigmaCorrelationRule):
        return [reference.rule for reference in rule.referenced_rules]
    return []


def _leads_to_circle(rule: Rule) -> bool:
    """Whether following what rules refer to does not end."""
    done: set[int] = set()
    path: dict[int, Iterator[Rule]] = {id(rule): iter(_referred(rule))}
    while path:
        last = next(reversed(path))
        following = next((r for r in path[last] if id(r) not in done), None)
        if following is None:
            done.add(last)
            del path[last]
        elif id(following) in path:
            return True
        else:
            path[id(following)] = iter(_referred(following))
    return False


def _in_order(rules: Iterable[Rule]) -> list[Rule]:
    """Each rule behind those that it refers to."""
    ordered: dict[int, Rule] = {}

    def place(rule: Rule) -> None:
        if id(rule) not in ordered:
            for referred in _referred(rule):
                place(referred)
            ordered[id(rule)] = rule

    for rule in rules:
        place(rule)
    return list(ordered.values())


def _parts(name: str, data: bytes) -> Iterator[Rule | SigmaFilter | Translation]:
    """What one file holds."""
    if len(data) > MAX_FILE:
        yield _wrong(Origin(name, 1), f"the file has more than {MAX_FILE:,} bytes")
        return
    documents: list[tuple[int, Any]] = []
    loader = SigmaYAMLLoader(data)
    try:
        while loader.check_node():
            node = loader.get_node()
            assert node is not None
            documents.append((node.start_mark.line + 1, loader.construct_document(node)))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        yield _wrong(Origin(name, line), " ".join(str(error).split()))
        return
    finally:
        loader.dispose()
    # Documents with actions of collections belong together.
    joined = any(isinstance(d, dict) and "action" in d for _, d in documents)
    groups = [documents] if joined else [[item] for item in documents]
    for group in groups:
        yield from _rules(name, group)


def _rules(
    name: str, documents: list[tuple[int, Any]]
) -> Iterator[Rule | SigmaFilter | Translation]:
    place = Origin(name, documents[0][0]) if documents else Origin(name, 1)
    for line, document in documents:
        if not isinstance(document, dict):
            yield _wrong(Origin(name, line), "it is no mapping of names to values")
            return
    location = SigmaRuleLocation(Path(name), place.line)
    title = str(documents[0][1].get("title", "")) if documents else ""
    try:
        found = SigmaCollection.from_dicts(
            [document for _, document in documents],
            source=location,
            collect_filters=True,
            resolve_references=False,
            **options(),
        )
    except SigmaError as error:
        yield _wrong(place, message_of(error), title)
    except RecursionError:
        yield _wrong(place, "its parts stand too deep inside one another", title)
    except (TypeError, AttributeError, ValueError, KeyError):
        yield _wrong(place, WRONG_TYPE, title)
    else:
        yield from found.rules
        yield from found.filters


# What to say where pySigma took a type for granted that a rule does not have.
WRONG_TYPE = "a value is of a type that does not belong there"


def message_of(error: SigmaError) -> str:
    """What pySigma says of a rule, without the place, which the report gives."""
    return " ".join(str(error.args[0] if error.args else error).split())


def _wrong(place: Origin, text: str, title: str = "") -> Translation:
    return Translation(place, About(title), reasons=(Reason(Code.INVALID, "rule", text),))
