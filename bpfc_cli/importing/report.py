"""What became of rules, as rows of tables and as JSON."""

import json
from collections.abc import Iterator, Sequence

from attrs import asdict

from bpfc_cli.importing.model import Code, Status, Translation, summary

Cell = str | tuple[str, str]
_STYLES = {Status.FULL: "green", Status.SECOND_STAGE: "yellow", Status.NOT: "red"}


def as_json(found: Sequence[Translation]) -> str:
    """Everything as one JSON object.

    Args:
        found: all translations of a run.

    Returns:
        `rules`, one object each, and `summary`.
    """
    counts = summary(found)
    value = {
        "rules": [
            {
                "file": item.origin.file,
                "line": item.origin.line,
                "title": item.about.title,
                "id": item.about.id,
                "status": item.status.value,
                "names": item.names,
                "notes": item.notes,
                "reasons": [
                    {"code": r.code.value, "subject": r.subject, "text": r.text}
                    for r in item.reasons
                ],
            }
            for item in found
        ],
        "summary": {
            **asdict(counts),
            "percent": counts.percent,
            "percent_with_agent": counts.percent_with_agent,
        },
    }
    return json.dumps(value, indent=2, ensure_ascii=False)


def rule_rows(found: Sequence[Translation]) -> Iterator[tuple[Cell, ...]]:
    """A row for each rule, and one more for each further reason or note.

    Args:
        found: all translations of a run.

    Returns:
        Place, title, status, and what is to be said.
    """
    for item in found:
        words = [*(f"{r.code.value}: {r.text}" for r in item.reasons), *item.notes]
        status = (item.status.value, _STYLES[item.status])
        title = item.about.title or "-"
        for number, word in enumerate(words or [""]):
            yield ("", "", "", word) if number else (str(item.origin), title, status, word)


def count_rows(found: Sequence[Translation]) -> Iterator[tuple[str, str]]:
    """Counts: rules by status, then rules by what was not translated of them.

    Args:
        found: all translations of a run.

    Returns:
        Words and a number each.
    """
    counts = summary(found)
    yield "rules", f"{counts.rules:,}"
    yield "translated in full", f"{counts.full:,} ({counts.percent:g} %)"
    yield (
        "with a second stage",
        f"{counts.second_stage:,} (together {counts.percent_with_agent:g} %)",
    )
    yield "not translated", f"{counts.not_translated:,}"
    for code, number in counts.reasons:
        yield f"  because of {code}", f"{number:,}"


def is_bad_input(found: Sequence[Translation]) -> bool:
    """Whether something was no rule at all."""
    return any(reason.code is Code.INVALID for item in found for reason in item.reasons)
