"""The front end as one pure function: source text in, a typed policy or diagnostics out."""

from collections.abc import Sequence

from dsl import catalogue
from dsl.catalogue import Catalogue
from dsl.checker import check as check_files
from dsl.diagnostics import Collector, Diagnostic
from dsl.parser import parse
from dsl.span import Span
from dsl.typed import Policy

MAX_FILE = 4 << 20  # bytes; a thousand times what a large rule file has


def check(
    text_by_name: Sequence[tuple[str, str | bytes]], events: Catalogue | None = None
) -> tuple[Policy | None, tuple[Diagnostic, ...]]:
    """Check the files of one policy.

    Args:
        text_by_name: (name, content) of each file, at least one. The names appear in messages as
            they are.
        events: the catalogue; None for the one that ships with this version.

    Returns:
        The policy, or None if there is any error; all findings in source order. Warnings alone do
        not keep the policy back.
    """
    report = Collector()
    texts = [(name, decoded(name, content, report)) for name, content in text_by_name]
    sources = tuple((name, text) for name, text in texts if text is not None)
    parsed = [parse(name, text, report) for name, text in sources]
    files = [file for file in parsed if file is not None]
    policy = None
    # A file that cannot be read at all may hold whatever the others seem to lack.
    if files and len(files) == len(texts):
        policy = check_files(files, sources, events or catalogue.load(), report)
    return policy, report.result([name for name, _ in text_by_name])


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
