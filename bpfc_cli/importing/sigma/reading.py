"""Sigma's files: which there are, and the rules in them with their lines."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import yaml
from attrs import frozen
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError, SigmaRuleLocation
from sigma.filters import SigmaFilter
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RegexEngine, RegexPattern
from sigma.rule import SigmaRule
from sigma.rule.base import SigmaYAMLLoader

from bpfc_cli.importing.model import About, Code, Origin, Reason, Translation
from bpfc_cli.importing.sigma.about import origin_of

MAX_FILE = 4 << 20  # bytes; a thousand times what a rule has
_SUFFIXES = (".yml", ".yaml")


class _Lenient(RegexEngine):
    """Takes every regular expression: the language says what it takes, and why not."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        """Something that matches as Python does, where Python can read it."""
        try:
            return cast(RegexPattern, re.compile(pattern, flags))
        except re.error:
            return cast(RegexPattern, re.compile(re.escape(pattern)))

    @property
    def error(self) -> type[Exception]:
        """What is never raised."""
        return re.error


_POLICY = SigmaPolicy(regex_engine=_Lenient())


@frozen
class Read:
    """What files hold.

    Args:
        rules: in the order of the files; those that others refer to come first.
        wrong: what is no rule.
    """

    rules: tuple[SigmaRule | SigmaCorrelationRule, ...]
    wrong: tuple[Translation, ...]


def rule_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files that paths name: files themselves, and all rule files below folders.

    Args:
        paths: files and folders.

    Returns:
        Files; those of a folder in the order of their names.
    """
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix in _SUFFIXES and p.is_file())
        else:
            yield path


def read(contents: Iterable[tuple[str, bytes]]) -> Read:
    """Read rules, correlations and filters.

    Args:
        contents: names of files and what is in them.

    Returns:
        Rules to be converted, filters applied, references resolved.
    """
    found: list[SigmaRule | SigmaCorrelationRule | SigmaFilter] = []
    wrong: list[Translation] = []
    for name, data in contents:
        for part in _parts(name, data):
            if isinstance(part, Translation):
                wrong.append(part)
            else:
                found.append(part)
    return _resolved(found, wrong)


def _resolved(
    found: list[SigmaRule | SigmaCorrelationRule | SigmaFilter], wrong: list[Translation]
) -> Read:
    """Filters applied; correlations whose rules are not there are no rules."""
    collection = SigmaCollection(found, resolve_references=False)
    kept: list[SigmaRule | SigmaCorrelationRule] = []
    for rule in collection.rules:
        try:
            if isinstance(rule, SigmaCorrelationRule):
                rule.resolve_rule_references(collection)
        except SigmaError as error:
            wrong.append(_wrong(origin_of(rule), message_of(error), rule.title))
            continue
        kept.append(rule)
    ordered = SigmaCollection(list(kept), resolve_references=False)
    ordered.rules = SigmaCollection._referenced_first(kept)
    return Read(tuple(ordered.rules), tuple(wrong))


def _parts(
    name: str, data: bytes
) -> Iterator[SigmaRule | SigmaCorrelationRule | SigmaFilter | Translation]:
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
) -> Iterator[SigmaRule | SigmaCorrelationRule | SigmaFilter | Translation]:
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
            policy=_POLICY,
        )
    except SigmaError as error:
        yield _wrong(place, message_of(error), title)
    except (TypeError, AttributeError, ValueError, KeyError) as error:
        # pySigma takes many wrong types for granted.
        yield _wrong(place, f"a value is of a wrong type ({error})", title)
    else:
        yield from found.rules
        yield from found.filters


def message_of(error: SigmaError) -> str:
    """What pySigma says of a rule, without the place, which the report gives."""
    return " ".join(str(error.args[0] if error.args else error).split())


def _wrong(place: Origin, text: str, title: str = "") -> Translation:
    return Translation(place, About(title), reasons=(Reason(Code.INVALID, "rule", text),))
