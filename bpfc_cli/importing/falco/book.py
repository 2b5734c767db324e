"""Falco's rules, macros and lists after all that files append and override."""

from collections.abc import Callable, Iterable, Mapping

from attrs import Factory, define

from bpfc_cli.importing.falco.entries import Entry, Wrong
from bpfc_cli.importing.falco.exceptions import Exception_, exceptions_of
from bpfc_cli.importing.model import Origin

SEVERITIES = {
    **dict.fromkeys(("emergency", "alert", "critical"), "critical"),
    "error": "high",
    "warning": "medium",
    "notice": "low",
    **dict.fromkeys(("info", "informational", "debug"), "info"),
}
_KEYS = {
    "rule": (
        "condition desc output priority tags source enabled exceptions append override "
        "warn_evttypes skip-if-unknown-filter capture capture_duration"
    ),
    "macro": "condition append override",
    "list": "items append override",
}
# What `override` can do to which key of what.
_APPENDED = {
    "rule": ("condition", "output", "desc", "tags", "exceptions"),
    "macro": ("condition",),
    "list": ("items",),
}
_REPLACED = {
    "rule": (
        *_APPENDED["rule"],
        *("priority", "enabled", "warn_evttypes", "skip-if-unknown-filter"),
        *("capture", "capture_duration"),
    ),
    "macro": ("condition",),
    "list": ("items",),
}


@define
class Rule:
    """A rule as it stands once all files were read."""

    origin: Origin
    name: str
    condition: str
    description: str
    output: str
    priority: str
    tags: tuple[str, ...]
    source: str
    enabled: bool
    exceptions: tuple[Exception_, ...]


@define
class Book:
    """What files hold.

    Args:
        rules, macros, lists: by name, in the order in which they were defined first.
        wrong: what is none of them.
    """

    rules: dict[str, Rule] = Factory(dict)
    macros: dict[str, str] = Factory(dict)
    lists: dict[str, tuple[str, ...]] = Factory(dict)
    wrong: list[Wrong] = Factory(list)


def read(found: Iterable[Entry | Wrong]) -> Book:
    """Put together what files say.

    Args:
        found: items of all files, in order.

    Returns:
        The rules; what cannot be understood is in `wrong`.
    """
    book = Book()
    for item in found:
        try:
            if isinstance(item, Wrong):
                raise item
            _add(book, item)
        except Wrong as wrong:
            book.wrong.append(wrong)
    return book


def _add(book: Book, entry: Entry) -> None:
    if unknown := set(entry.keys) - set(_KEYS[entry.kind].split()):
        word = min(unknown)
        raise Wrong(entry.origin, f"a {entry.kind} has no key `{word}`", entry.name)
    changes = _changes(entry)
    add: Mapping[str, Callable[[Book, Entry, dict[str, str]], None]] = {
        "rule": _rule,
        "macro": _macro,
        "list": _list,
    }
    add[entry.kind](book, entry, changes)


def _changes(entry: Entry) -> dict[str, str]:
    """What is appended or replaced, by key; nothing where the entry defines something."""
    if entry.is_true("append"):
        return {key: "append" for key in _APPENDED[entry.kind] if key in entry.keys}
    override = entry.keys.get("override", {})
    if not isinstance(override, dict):
        raise Wrong(
            entry.origin, "`override` is no mapping of keys to append or replace", entry.name
        )
    result: dict[str, str] = {}
    for key, how in override.items():
        allowed = {"append": _APPENDED, "replace": _REPLACED}.get(str(how))
        if allowed is None or key not in allowed[entry.kind]:
            raise Wrong(entry.origin, f"`override` cannot {how} `{key}`", entry.name)
        if key not in entry.keys:
            raise Wrong(
                entry.origin, f"`override` is about `{key}`, which is not given", entry.name
            )
        result[key] = str(how)
    return result


def _is_change(entry: Entry) -> bool:
    return entry.is_true("append") or "override" in entry.keys


def _unknown(entry: Entry) -> Wrong:
    return Wrong(entry.origin, f"there is no {entry.kind} {entry.name} to be changed", entry.name)


def _list(book: Book, entry: Entry, changes: dict[str, str]) -> None:
    items = entry.texts("items")
    if _is_change(entry) and entry.name not in book.lists:
        raise _unknown(entry)
    before = book.lists.get(entry.name, ()) if changes.get("items") == "append" else ()
    book.lists[entry.name] = (*before, *items)


def _macro(book: Book, entry: Entry, changes: dict[str, str]) -> None:
    text = entry.text("condition")
    if _is_change(entry) and entry.name not in book.macros:
        raise _unknown(entry)
    if not text:
        raise Wrong(entry.origin, "the macro has no condition", entry.name)
    before = book.macros.get(entry.name, "") if changes.get("condition") == "append" else ""
    book.macros[entry.name] = f"{before} {text}".strip()


def _rule(book: Book, entry: Entry, changes: dict[str, str]) -> None:
    before = book.rules.get(entry.name)
    only_enabled = set(entry.keys) == {"enabled"}
    if not _is_change(entry) and not only_enabled:
        book.rules[entry.name] = _new(entry)
        return
    if before is None:
        raise _unknown(entry)
    if only_enabled:
        before.enabled = entry.is_true("enabled")
        return
    if not changes:
        raise Wrong(entry.origin, "nothing is changed", entry.name)
    for key, how in changes.items():
        _change(before, entry, key, how == "append")


def _new(entry: Entry) -> Rule:
    missing = [key for key in ("condition", "output", "desc", "priority") if key not in entry.keys]
    if missing:
        raise Wrong(entry.origin, f"the rule has no {' and no '.join(missing)}", entry.name)
    return Rule(
        entry.origin,
        entry.name,
        entry.text("condition"),
        entry.text("desc"),
        entry.text("output"),
        _priority(entry),
        entry.texts("tags"),
        entry.text("source") or "syscall",
        entry.is_true("enabled", otherwise=True),
        exceptions_of(entry, ()),
    )


def _priority(entry: Entry) -> str:
    word = entry.text("priority").lower()
    if word not in SEVERITIES:
        raise Wrong(entry.origin, f"there is no priority {entry.text('priority')}", entry.name)
    return word


def _change(rule: Rule, entry: Entry, key: str, append: bool) -> None:
    match key:
        case "condition":
            rule.condition = _joined(rule.condition if append else "", entry.text(key))
        case "output":
            rule.output = _joined(rule.output if append else "", entry.text(key))
        case "desc":
            rule.description = _joined(rule.description if append else "", entry.text(key))
        case "tags":
            rule.tags = tuple(dict.fromkeys((*(rule.tags if append else ()), *entry.texts(key))))
        case "exceptions":
            rule.exceptions = exceptions_of(entry, rule.exceptions if append else ())
        case "priority":
            rule.priority = _priority(entry)
        case "enabled":
            rule.enabled = entry.is_true("enabled")


def _joined(first: str, second: str) -> str:
    """Texts behind one another, as Falco does it: a condition has no parentheses around it."""
    return f"{first} {second}".strip()
