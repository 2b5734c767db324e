"""The front end as one pure function: source text in, a typed policy or diagnostics out."""

from collections.abc import Callable, Collection, Sequence
from datetime import date

from dsl import catalogue
from dsl.allowed import silence
from dsl.catalogue import Catalogue
from dsl.checker import check as check_files
from dsl.diagnostics import Collector, Diagnostic
from dsl.includes import read
from dsl.span import Span
from dsl.typed import Policy

MAX_FILE = 4 << 20  # bytes; a thousand times what a large rule file has


Loader = Callable[[str], str | bytes]


def check(
    text_by_name: Sequence[tuple[str, str | bytes]],
    events: Catalogue | None = None,
    *,
    load: Loader | None = None,
    today: date | None = None,
    allow: Collection[str] = (),
) -> tuple[Policy | None, tuple[Diagnostic, ...]]:
    """Check the files of one policy.

    Args:
        text_by_name: (name, content) of each file, at least one. The names appear in messages as
            they are.
        events: the catalogue; None for the one that ships with this version.
        load: gives the content of a file that is included, by the name that results from the name
            of the including file; raises OSError if it cannot. None: nothing can be included.
        today: for warnings of exceptions that have expired; None for none. Nothing else depends on
            it.
        allow: codes of warnings that are left out, besides those that the policy itself allows.

    Returns:
        The policy, or None if there is any error; all findings in source order, an included file
        in front of the one that includes it. Warnings alone do not keep the policy back.
    """
    report = Collector()
    found = read(text_by_name, load, decoded, report)
    policy = None
    # A file that cannot be read at all may hold whatever the others seem to lack.
    if found.complete:
        known = events or catalogue.load()
        policy = check_files(found.files, found.sources, known, report, today)
        silence(found.files, allow, report)
        policy = None if report.has_errors else policy
    return policy, report.result(found.names)


def decoded(name: str, content: str | bytes, report: Collector) -> str | None:
    """Make text of what a file holds.

    Args:
        name: the file's name, for messages.
        content: what is in it.
        report: takes what is wrong with it.

    Returns:
        The text without a byte order mark, or None after a diagnostic.
    """
    start = Span(name, 0, 0, 1, 1)
    if len(content) > MAX_FILE:
        report.error(
            "BPFC0002",
            f"the file has {len(content):,} bytes; at most {MAX_FILE:,} are read",
            start,
            remedy="split the policy into several files",
        )
        return None
    try:
        data = content.encode("utf-8") if isinstance(content, str) else content
        text = data.decode("utf-8-sig")
    except UnicodeError as error:
        report.error("BPFC0001", "the file is not UTF-8", _place(name, content, error))
        return None
    if not text.strip():
        report.error(
            "BPFC0003",
            "the file is empty",
            start,
            remedy='begin with: policy "name" version "1.0" language 1',
        )
        return None
    return text


def _place(name: str, content: str | bytes, error: UnicodeError) -> Span:
    """Where text stops being UTF-8."""
    assert isinstance(error, UnicodeDecodeError | UnicodeEncodeError)
    before = content[: error.start]
    text = before if isinstance(before, str) else before.decode("utf-8-sig")
    column = len(text) - (text.rfind("\n") + 1)
    return Span(name, len(text), len(text) + 1, text.count("\n") + 1, column + 1)
