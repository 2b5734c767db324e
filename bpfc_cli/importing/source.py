"""Translated rules as the text of a policy, in its canonical form."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from attrs import evolve

from bpfc_cli.importing.conditions import Always, quoted, shown, simplified
from bpfc_cli.importing.model import About, Detection, Sequence_, Step, Threshold, Translation
from bpfc_cli.importing.stages import Stages
from dsl.formatter import format_source

MAX_NAME = 80  # characters of a rule's name that come from its title; the language takes more
_COMMENT = 98  # characters of a line of a comment, where words can be parted


def named(found: Sequence[Translation]) -> tuple[Translation, ...]:
    """Give each rule that was translated a name of its own, made from its title.

    Args:
        found: translations in the order of the policy.

    Returns:
        The same, with names; what was not translated has none.
    """
    taken: set[str] = set()
    result = []
    for item in found:
        names = []
        for _ in () if item.hidden else item.detections:
            names.append(_free(_word(item.about.title), taken))
            taken.add(names[-1])
        result.append(evolve(item, names=tuple(names)))
    return tuple(result)


def _word(title: str) -> str:
    """A title as a name: "Shell of a Web-Server" is shell_of_a_web_server."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    word = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:MAX_NAME].strip("_")
    if not word:
        return "rule"
    return f"rule_{word}" if word[0].isdigit() else word


def _free(word: str, taken: set[str]) -> str:
    """The word itself, or with a number behind it."""
    name, number = word, 1
    while name in taken:
        number += 1
        name = f"{word}_{number}"
    return name


def policy_text(name: str, found: Sequence[Translation]) -> str:
    """A policy of all translated rules.

    Args:
        name: of the policy.
        found: translations with names.

    Returns:
        The text, as `bpfc fmt` leaves it.

    Raises:
        ValueError: a bug here: the text is not of the language.
    """
    head = f'policy {quoted(name)} version "1" language 1\n'
    needed = dict.fromkeys(text for item in found if item.names for text in item.needs)
    off = [f"disable {name}\n" for item in found if item.disabled for name in item.names]
    return formatted("\n".join([head, *needed, *map(rules_text, found), *off]))


def formatted(text: str) -> str:
    """A text of the language in its canonical form.

    Args:
        text: items of the language.

    Returns:
        The same words.

    Raises:
        ValueError: it is not of the language.
    """
    result, diagnostics = format_source("imported.det", text)
    if result is None:
        raise ValueError("\n".join(map(str, diagnostics)))
    return result


def rules_text(item: Translation) -> str:
    """The rules that one rule has become, not formatted, with a comment that says where it stood.

    Args:
        item: a translation with names.

    Returns:
        Their text; nothing of a rule that was not translated.
    """
    return "\n".join(
        line
        for number, (name, detection) in enumerate(
            zip(item.names, item.detections, strict=False), 1
        )
        for line in _rule(item, name, detection, number)
    )


def _rule(item: Translation, name: str, detection: Detection, number: int) -> Iterator[str]:
    yield from _comment(item)
    yield f"rule {name} {{"
    about = item.about
    # Ids are for one rule each.
    yield from _metadata(
        evolve(about, id=f"{about.id}-{number}") if number > 1 and about.id else about
    )
    yield from _clauses(detection)
    yield from (f"alert {detection.alert}", "}", "")


def _comment(item: Translation) -> Iterator[str]:
    yield f"# from {_flat(str(item.origin))}"
    if item.about.false_positives:
        yield "# false positives:"
        for note in item.about.false_positives:
            yield from _wrapped(f"- {_flat(note)}")
    for note in item.notes:
        yield from _wrapped(f"note: {_flat(note)}")


def _flat(text: str) -> str:
    """A text on one line."""
    words = " ".join(text.split())
    return "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in words)


def _wrapped(text: str) -> Iterator[str]:
    line = "#"
    for word in text.split():
        if len(line) + len(word) >= _COMMENT and line not in ("#", "# -"):
            yield line
            line = "#  "
        line += f" {word}"
    yield line


def _metadata(about: About) -> Iterator[str]:
    for key in ("id", "title", "description", "severity", "status"):
        if value := getattr(about, key):
            yield f"{key} {value if key in ('severity', 'status') else quoted(value)}"
    many = {
        "mitre": about.mitre,
        "reference": about.references,
        "author": about.authors,
        "tag": about.tags,
    }
    for key, values in many.items():
        if values:
            texts = ", ".join(map(quoted, values))
            yield f"{key} {texts if len(values) == 1 else f'[{texts}]'}"


def _clauses(detection: Detection) -> Iterator[str]:
    if detection.sequence is not None:
        yield _sequence(detection.sequence)
    else:
        yield f"on {' or '.join(detection.events)}"
        yield from _decided(detection.stages)
    if detection.threshold is not None:
        yield _threshold(detection.threshold)


def _decided(stages: Stages) -> Iterator[str]:
    yield f"when {shown(simplified(stages.when))}"
    for name, when in stages.excepts:
        yield f"except {quoted(name)} when {shown(simplified(when))}"
    if stages.confirm is not None:
        yield f"confirm when {shown(stages.confirm)}"


def _sequence(sequence: Sequence_) -> str:
    return f"on sequence within {sequence.within} {' '.join(map(_step, sequence.steps))}"


def _step(step: Step) -> str:
    when = simplified(step.when)
    condition = "" if when == Always(True) else f" when {shown(when)}"
    return f"[{step.event}{condition}]{_by(step.key)}"


def _threshold(threshold: Threshold) -> str:
    distinct = f" distinct {threshold.distinct}" if threshold.distinct else ""
    return f"threshold {threshold.count}{distinct} within {threshold.within}{_by(threshold.key)}"


def _by(key: tuple[str, ...]) -> str:
    if not key:
        return ""
    return f" by {key[0]}" if len(key) == 1 else f" by ({', '.join(key)})"
