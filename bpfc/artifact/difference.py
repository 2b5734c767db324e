"""Two artifacts compared: what their rules do differently, and whether only content differs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import asdict, frozen

from bpfc.artifact.container import Artifact
from bpfc.artifact.manifest import Half, Manifest, MapInfo, RuleEvent, RuleInfo
from bpfc.artifact.objects import function_digests
from bpfc.artifact.structure import HALVES, structure_of

_PARTS = ("programs", "maps", "core_hash", "core_size", "code_hash")  # of a half, compared below
NOTHING = "-"


@frozen
class RuleChange:
    """What became of a rule.

    Args:
        rule: its name.
        change: "added", "removed" or "changed".
        details: what differs, one phrase each; empty for rules that came or went.
    """

    rule: str
    change: str
    details: tuple[str, ...]


@frozen
class HalfChange:
    """What an update means for a platform.

    Args:
        half: "linux" or "windows".
        kind: "same" (not a byte), "content" (written beside the old one, no program is loaded) or
            "structure" (programs are loaded), "added" or "removed".
        reasons: what of the structure differs, one phrase each.
        old_bytes, new_bytes: kernel memory of the policy's own maps, without what is multiplied by
            the number of processors.
    """

    half: str
    kind: str
    reasons: tuple[str, ...]
    old_bytes: int
    new_bytes: int


@frozen
class Difference:
    """Two artifacts compared.

    Args:
        identical: whether the files are the same, byte for byte.
        policy: (old, new) name and version.
        rules: rules that differ, in the new order, removed ones last.
        halves: each half that either of them has.
        values_known: whether both say what their rules compare with.
    """

    identical: bool
    policy: tuple[str, str]
    rules: tuple[RuleChange, ...]
    halves: tuple[HalfChange, ...]
    values_known: bool

    @property
    def content_only(self) -> bool:
        """Whether no half has to load a program."""
        return all(half.kind in ("same", "content") for half in self.halves)


def compare(old: Artifact, new: Artifact) -> Difference:
    """Compare two artifacts.

    Args:
        old: what is active, say.
        new: what is to replace it.

    Returns:
        The difference.
    """
    before, after = old.manifest, new.manifest
    return Difference(
        identical=old.data == new.data,
        policy=(_policy(before), _policy(after)),
        rules=tuple(_rules(before, after)),
        halves=tuple(_halves(old, new)),
        values_known=bool(before.literals) and bool(after.literals),
    )


def _policy(manifest: Manifest) -> str:
    return f"{manifest.policy} {manifest.policy_version}"


# ---------------------------------------------------------------------- rules


def _rules(before: Manifest, after: Manifest) -> Iterator[RuleChange]:
    olds = {rule.name: rule for rule in before.rules}
    for rule in after.rules:
        old = olds.pop(rule.name, None)
        if old is None:
            yield RuleChange(rule.name, "added", ())
            continue
        details = tuple(_details(old, rule, before, after))
        if details:
            yield RuleChange(rule.name, "changed", details)
    for name in olds:
        yield RuleChange(name, "removed", ())


def _details(old: RuleInfo, new: RuleInfo, before: Manifest, after: Manifest) -> Iterator[str]:
    yield from _metadata(old.metadata, new.metadata)
    yield from _values(_tests(old, before), _tests(new, after))
    if old.mode != new.mode:
        yield f"mode: {old.mode} -> {new.mode}"
    if (old.template, old.output, old.silent) != (new.template, new.output, new.silent):
        yield "alert text" if old.silent == new.silent else "silent"
    for half in HALVES:
        yield from _forms(half, getattr(old, half), getattr(new, half))


def _metadata(old: Iterable[tuple[str, str]], new: Iterable[tuple[str, str]]) -> Iterator[str]:
    olds, news = _grouped(old), _grouped(new)
    for key in dict.fromkeys([*olds, *news]):
        was, now = (", ".join(found.get(key, ())) or NOTHING for found in (olds, news))
        if was != now:
            yield f"{key}: {was} -> {now}"


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def _tests(rule: RuleInfo, manifest: Manifest) -> dict[tuple[str, int], tuple[str, ...]]:
    """Values of each test, by what is tested and how often that was tested before."""
    seen: Counter[str] = Counter()
    found = {}
    for what, index in rule.tests:
        found[what, seen[what]] = manifest.literals[index]
        seen[what] += 1
    return found


def _values(
    old: Mapping[tuple[str, int], tuple[str, ...]], new: Mapping[tuple[str, int], tuple[str, ...]]
) -> Iterator[str]:
    for key in dict.fromkeys([*old, *new]):
        was, now = old.get(key), new.get(key)
        if was is None or now is None:
            sign, values = ("+", now) if was is None else ("-", was)
            yield f"{sign}condition {key[0]} {', '.join(values or ())}".rstrip()
        elif set(was) != set(now):
            gone = [f"-{value}" for value in was if value not in set(now)]
            come = [f"+{value}" for value in now if value not in set(was)]
            yield f"{key[0]}: {' '.join([*come, *gone])}"


def _forms(half: str, old: tuple[RuleEvent, ...], new: tuple[RuleEvent, ...]) -> Iterator[str]:
    was, now = ({at.event: _ladder(at) for at in found} for found in (old, new))
    for event in dict.fromkeys([*was, *now]):
        before, after = was.get(event, NOTHING), now.get(event, NOTHING)
        if before != after:
            yield f"{half}, {event}: {before} -> {after}"


def _ladder(at: RuleEvent) -> str:
    return ", else ".join(form.label for form in at.forms) or "not carried"


# ---------------------------------------------------------------------- halves


def _halves(old: Artifact, new: Artifact) -> Iterator[HalfChange]:
    for half in HALVES:
        before: Half | None = getattr(old.manifest, half)
        after: Half | None = getattr(new.manifest, half)
        if before is None and after is None:
            continue
        sizes = (memory_of(before), memory_of(after))
        if before is None or after is None:
            yield HalfChange(half, "added" if before is None else "removed", (), *sizes)
        elif old.structure(half) == new.structure(half):
            kind = "content" if _content(old, half) != _content(new, half) else "same"
            yield HalfChange(half, kind, (), *sizes)
        else:
            yield HalfChange(half, "structure", tuple(_reasons(old, new, half)), *sizes)


def memory_of(half: Half | None) -> int:
    """Bytes that the values of a policy's own maps take, both buffers of content counted.

    Args:
        half: a half; None has none.

    Returns:
        Bytes, without maps that are shared and without what each processor adds.
    """
    if half is None:
        return 0
    own = [m for m in half.maps if m.scope != "shared" and not m.per_cpu]
    return sum(map_bytes(m) for m in own)


def map_bytes(info: MapInfo) -> int:
    """Bytes of a map's values (an array rounds each up to 8), keys of a hash counted."""
    value = (info.value_size + 7) // 8 * 8
    return (value + (info.key_size if "hash" in info.type else 0)) * info.max_entries


def _content(artifact: Artifact, half: str) -> list[Any]:
    """What would be written into a half's maps."""
    found: Half = getattr(artifact.manifest, half)
    tables = [
        (c.map, c.key, artifact.content[c.offset : c.offset + c.size]) for c in found.contents
    ]
    return [sorted(tables), [(rule.name, getattr(rule, half)) for rule in artifact.manifest.rules]]


def _reasons(old: Artifact, new: Artifact, half: str) -> Iterator[str]:
    before: Half = getattr(old.manifest, half)
    after: Half = getattr(new.manifest, half)
    yield from _named("program", before.programs, after.programs)
    yield from _maps(before.maps, after.maps)
    layouts = [{one.event: one.digest for one in a.manifest.layouts} for a in (old, new)]
    for event in sorted(layouts[0].keys() | layouts[1].keys()):
        if layouts[0].get(event) != layouts[1].get(event):
            yield f"layout of {event}'s records"
    yield from _functions(old, new, half)
    was, now = structure_of(old.manifest, half) or {}, structure_of(new.manifest, half) or {}
    for part in sorted((was.keys() | now.keys()) - {*_PARTS, "layouts"}):
        if was.get(part) != now.get(part):
            yield part.replace("_", " ")


def _named(what: str, old: Iterable[Any], new: Iterable[Any]) -> Iterator[str]:
    olds, news = ({one.name: asdict(one) for one in found} for found in (old, new))
    for name in dict.fromkeys([*olds, *news]):
        if name not in news:
            yield f"{what} {name} is gone"
        elif name not in olds:
            yield f"{what} {name} is new"
        elif olds[name] != news[name]:
            yield f"{what} {name}"


def _maps(old: Iterable[MapInfo], new: Iterable[MapInfo]) -> Iterator[str]:
    olds, news = {m.name: m for m in old}, {m.name: m for m in new}
    for name in dict.fromkeys([*olds, *news]):
        was, now = olds.get(name), news.get(name)
        if was is None or now is None:
            yield f"map {name} is {'new' if was is None else 'gone'}"
        elif was != now:
            yield f"map {name}: {_shape(was)} -> {_shape(now)}"


def _shape(info: MapInfo) -> str:
    return f"{info.type} of {info.max_entries:,} x {info.value_size:,} bytes"


def _functions(old: Artifact, new: Artifact, half: str) -> Iterator[str]:
    """Functions whose code differs, at most a few by name."""
    olds, news = (
        function_digests(a.linux if half == "linux" else a.windows_object()) for a in (old, new)
    )
    changed = sorted(name for name in olds.keys() | news.keys() if olds.get(name) != news.get(name))
    if changed:
        more = f" and {len(changed) - 6} more" if len(changed) > 6 else ""
        yield f"code of {', '.join(changed[:6])}{more}"
