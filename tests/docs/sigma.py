"""The tables of docs/import.md: Sigma's log sources and fields."""

from bpfc_cli.importing.sigma.tables import PLATFORMS, Known, Source, sources


def tables() -> str:
    """Log sources with their fields, and fields of all log sources, as Markdown."""
    first = sources(PLATFORMS[0])
    every = [set(_rows(source)) for source in first]
    common = set.intersection(*every)
    lines = ["| log source | events | its own fields |", "|---|---|---|"]
    for source in first:
        own = ", ".join(row for row in _rows(source) if row not in common) or "-"
        lines.append(f"| {source.category} | {_code(*source.events)} | {own} |")
    lines += ["", "Fields of every log source: " + ", ".join(sorted(common)) + "."]
    for platform in PLATFORMS:
        shared = _shared_agent(platform)
        system = platform.capitalize()
        second = [_row(name, known) for name, known in shared.items() if known.has_field]
        rest = [_code(name) for name, known in shared.items() if not known.has_field]
        lines += ["", f"In the second stage, on {system}: {', '.join(sorted(second))}."]
        lines += ["", f"Known to user space only, on {system}: {', '.join(sorted(rest))}."]
    return "\n".join(lines)


def _shared_agent(platform: str) -> dict[str, Known]:
    """What user space knows on every event of a platform."""
    first, *others = sources(platform)
    return {n: k for n, k in first.agent.items() if all(n in other.agent for other in others)}


def _row(name: str, known: Known) -> str:
    if known.field:
        return f"`{name}` = `{known.field}`"
    parts = "; ".join(f"{text}: `{field}`" for text, field in known.parts.items())
    return f"`{name}` ({parts})"


def _code(*names: str) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _rows(source: Source) -> list[str]:
    """A source's fields, in words."""
    found = [f"`{name}` = `{field}`" for name, field in source.fields.items()]
    for name, table in source.values.items():
        values = "; ".join(f"`{value}`: `{words}`" for value, words in table.items())
        found.append(f"`{name}` ({values})")
    shared = _shared_agent(source.platform)
    return found + [f"`{name}` (user space)" for name in source.agent if name not in shared]
