"""The tables of docs/import.md: Falco's event types and fields."""

from bpfc_cli.importing.falco.tables import EventTable, Spec, tables


def events() -> str:
    """Events with Falco's types and their own fields, as Markdown."""
    common = _common()
    lines = ["| event | Falco's types | its own fields |", "|---|---|---|"]
    for table in tables():
        types = ", ".join(_types(table))
        own = [
            f"`{name}` {_words(spec)}"
            for name, spec in table.fields.items()
            if name != "evt.dir" and common.get(name) != spec
        ]
        own += [f"({table.note})"] if table.note else []
        lines.append(f"| `{table.event.name}` | {types} | {', '.join(own) or '-'} |")
        for narrow in table.narrow:
            where = " and ".join(f"`{name}={value}`" for name, value in narrow.where.items())
            text = f"`{narrow.event.name}`, where {where} has to hold"
            lines.append(f"| {text} | the same | the same |")
    return "\n".join(lines)


def fields() -> str:
    """Fields of all events, as Markdown."""
    lines = ["| Falco | the catalogue |", "|---|---|"]
    agent: dict[str, list[str]] = {}
    for name, spec in _common().items():
        if spec.agent and not spec.words and not spec.field:
            agent.setdefault(spec.agent, []).append(f"`{name}`")
        else:
            lines.append(f"| `{name}` | {_words(spec)} |")
    known = "; ".join(f"{text}: {', '.join(names)}" for text, names in agent.items())
    return "\n".join([*lines, "", f"Known to user space only: {known}."])


def _common() -> dict[str, Spec]:
    """Fields of all events, as most of them have them."""
    every = tables()
    names = [name for name in every[-1].fields if all(name in t.fields for t in every)]
    found = {}
    for name in names:
        specs = [table.fields[name] for table in every]
        found[name] = max(specs, key=specs.count)
    return {name: spec for name, spec in found.items() if name != "evt.dir"}


def _types(table: EventTable) -> list[str]:
    return [
        "/".join(sorted(variant.types)) + (f" (`{variant.when}`)" if variant.when else "")
        for variant in table.variants
    ]


def _words(spec: Spec) -> str:
    """What a field is, in a few words."""
    if spec.constant is not None:
        return f"always `{spec.constant}`"
    if spec.base:
        return f"names of `{spec.base}`"
    if spec.any:
        return "either " + " or ".join(f"`{name}`" for name in spec.any)
    parts = [f"`{spec.field}`"] if spec.field else []
    if spec.ancestors:
        parts = [f"`proc.ancestors any {spec.field}`"]
    parts += [f"first {spec.cut} bytes"] if spec.cut else []
    parts += [f"behind `{spec.head}`"] if spec.head else []
    parts += [f"in front of `{spec.tail}`"] if spec.tail else []
    parts += ["with a slash at its end"] if spec.slash else []
    parts += [f"less {spec.plus}"] if spec.plus else []
    parts += [f"`{word}`: `{words}`" for word, words in spec.words.items()]
    return ", ".join(parts).replace("|", "\\|") + _of_agent(spec)


def _of_agent(spec: Spec) -> str:
    """What is said of values that the kernel does not know."""
    if spec.named:
        return f", names: `{spec.named}` (second stage)"
    if spec.agent:
        return " (second stage)" if spec.field else " (else user space)"
    return ""
