"""The tables of docs/import.md: Sigma's log sources and fields."""

from bpfc_cli.importing.sigma.tables import PLATFORMS, Source, sources


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
        names = sorted(set.intersection(*(set(s.agent) for s in sources(platform))))
        words = f"Known to user space only, on {platform.capitalize()}:"
        lines += ["", f"{words} {', '.join(map(_code, names))}."]
    return "\n".join(lines)


def _code(*names: str) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _rows(source: Source) -> list[str]:
    """A source's fields, in words."""
    found = [f"`{name}` = `{field}`" for name, field in source.fields.items()]
    for name, table in source.values.items():
        values = "; ".join(f"{value}: `{words}`" for value, words in table.items())
        found.append(f"`{name}` ({values})")
    shared = set.intersection(*(set(s.agent) for s in sources(source.platform)))
    return found + [f"`{name}` (user space)" for name in source.agent if name not in shared]
