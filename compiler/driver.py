"""The driver: runs the phases in order. It is the only place that knows the whole pipeline."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from hashlib import sha256
from pathlib import PurePath

from attrs import evolve, frozen

from bpfc.artifact.confirm import ConfirmInfo
from bpfc.artifact.container import Artifact, open_artifact
from bpfc.artifact.control import SHARED_VERSION
from bpfc.artifact.manifest import (
    MANIFEST_VERSION,
    Half,
    Manifest,
    OutputInfo,
    Parts,
    RuleEvent,
    RuleInfo,
    StepInfo,
)
from bpfc.artifact.record import ACT_DENY
from bpfc.version import __version__
from compiler.content import Contents, contents_of
from compiler.coverage import CoverageRow, coverage, rule_events
from compiler.described import described
from compiler.elf import pack
from compiler.elf.lines import with_lines
from compiler.emit.core import Origins
from compiler.emit.unit import Unit
from compiler.emit.whole import emit_core
from compiler.objects import CoreModule, HalfObject, generate
from compiler.origins import lines_of
from compiler.plan.confirming import agent_infos
from compiler.plan.layout import number_fields
from compiler.plan.memory import set_infos
from compiler.plan.model import Plan
from compiler.plan.planner import plan as plan_policy
from compiler.plan.state import has_state
from compiler.targets.common.half import HalfModule
from compiler.targets.common.judged import slot_layout
from compiler.targets.linux import half as linux_half
from compiler.targets.linux import testing as test_half
from compiler.targets.windows import half as windows_half
from compiler.targets.windows import testing as windows_test_half
from dsl.diagnostics import Diagnostic
from dsl.frontend import Loader, check
from dsl.typed import Part, Policy, Rule
from dsl.walk import rule_reads

# The same numbers on both systems.
CORE_HELPERS = {"map_lookup_elem": 1, "map_update_elem": 2, "map_delete_elem": 3}


@frozen
class Compilation:
    """What compiling a policy gave.

    Args:
        policy: the checked policy, None if the front end found errors.
        artifact: the artifact, None if there is any error.
        diagnostics: all findings, in source order.
        coverage: which platform carries which rule, and how; empty without a policy.
    """

    policy: Policy | None
    artifact: Artifact | None
    diagnostics: tuple[Diagnostic, ...]
    coverage: tuple[CoverageRow, ...]


def compile_sources(
    sources: Sequence[tuple[str, str | bytes]],
    *,
    allow_partial: bool = False,
    journal: int = 0,
    testing: bool = False,
    load: Loader | None = None,
    today: date | None = None,
    allow: Collection[str] = (),
) -> Compilation:
    """Compile the files of one policy.

    The same sources give the same bytes on every machine; of file names only the last component
    goes into the artifact.

    Args:
        sources: (name, content) of each file; names are used in messages as they are.
        allow_partial: leave out, instead of refusing, rules that Linux cannot carry.
        journal: for tests and benchmarks: entries of the Linux half's map `journal`, in which
            adapters count how often they judged an event: a connection to the address 127.64.0.0 +
            n, or the exec of the process with id n, counts in entry n. 0 for none.
        testing: for tests: as for `compile_policy`.
        load: gives the content of included files, as for the front end.
        today: for warnings of exceptions that have expired; None for none. The artifact does not
            depend on it.
        allow: codes of warnings that are left out.

    Returns:
        The artifact, or diagnostics that say why there is none.
    """
    policy, diagnostics = check(sources, load=load, today=today, allow=allow)
    if policy is None:
        return Compilation(None, None, diagnostics, ())
    result = compile_policy(policy, allow_partial=allow_partial, journal=journal, testing=testing)
    return evolve(result, diagnostics=(*diagnostics, *result.diagnostics))


def compile_policy(
    policy: Policy,
    *,
    allow_partial: bool = False,
    journal: int = 0,
    testing: bool = False,
    windows: bool = False,
) -> Compilation:
    """Compile a policy that was checked already.

    Args:
        policy: the policy.
        allow_partial, journal: as for `compile_sources`.
        testing: for tests: instead of dispatchers and adapters make one program an event that has
            the core judge a record which user space wrote (`runtime_linux.testrun`); there is no
            Windows half. The core's bytes and all tables are those of the policy as it is used.
        windows: with `testing`: also a Windows half, of the core and its tables alone.

    Returns:
        The artifact, or diagnostics that say why there is none.
    """
    rows = coverage(policy, testing)
    plan, diagnostics = plan_policy(policy, testing)
    if not allow_partial:
        left_out = _left_out(policy, rows)
        diagnostics = (*diagnostics, *left_out)
        plan = None if left_out else plan
    if plan is None:
        return Compilation(policy, None, diagnostics, rows)
    artifact = _artifact(policy, plan, journal, testing, windows or not testing)
    return Compilation(policy, artifact, diagnostics, rows)


def _left_out(policy: Policy, rows: tuple[CoverageRow, ...]) -> tuple[Diagnostic, ...]:
    """An error for every rule that Linux does not carry on one of its events."""
    rules = {rule.name: rule for rule in policy.rules}
    return tuple(
        Diagnostic(
            "BPFC0697" if row.unread else "BPFC0656",
            "error",
            f"rule {row.rule} cannot be carried on {row.event} by {row.platform}: {row.text}",
            rules[row.rule].name_span,
            remedy=_remedy(rules[row.rule], row),
        )
        for row in rows
        if row.platform == "linux" and not row.carried
    )


def _remedy(rule: Rule, row: CoverageRow) -> str:
    """What to do about a rule that is not carried."""
    events = [event for event in rule.events if event.name == row.event]
    told = (f.name for f in rule_reads(rule) for event in events if event.agent_field(f.name))
    name = next(told, "") if row.unread else ""
    first = f"the agent knows {name}: put it into `confirm when`" if name else "change the rule"
    return f"{first}, or leave it out there with --allow-partial"


def _artifact(policy: Policy, plan: Plan, journal: int, testing: bool, both: bool) -> Artifact:
    lines = lines_of(policy)
    producer = f"bpfc {__version__}"
    core = _core(plan, producer, lines.origins)
    linux_rules = rule_events(policy, "linux", testing)
    count = len(policy.rules)
    windows_rules = rule_events(policy, "windows") if both else ((),) * count
    windows = None
    if testing:
        linux = test_half.build(plan, producer, lines.origins, count)
    else:
        linux = linux_half.build(
            plan, producer, lines.origins, count, _errnos(linux_rules), journal
        )
    if any(windows_rules):
        windows = (
            windows_test_half.build(plan, producer, count)
            if testing
            else windows_half.build(plan, producer, lines.origins, count)
        )
    halves = [half for half in (linux, windows) if half is not None]
    made = generate(core, tuple(half.assembly for half in halves))
    contents = contents_of(plan)
    linux_info = _half(linux, made[0], contents.linux)
    windows_info = _half(windows, made[1], contents.windows) if windows else None
    linux_object, *others = (with_lines(one.data, lines.table) for one in made)
    windows_object = others[0] if others else None
    manifest = _manifest(policy, plan, linux_rules, windows_rules, linux_info, windows_info)
    return open_artifact(pack(linux_object, manifest, contents.data, windows_object))


def _core(plan: Plan, producer: str, origins: Origins) -> CoreModule:
    unit = Unit(producer, CORE_HELPERS)
    emit_core(unit, plan, origins)
    return CoreModule(unit.text(), unit.functions)


def _half(module: HalfModule, made: HalfObject, contents: Contents) -> Half:
    """What the manifest says of a half."""
    return Half(
        module.programs, module.maps, contents, made.core_hash, made.core_size, made.code_hash
    )


def _errnos(rules: tuple[tuple[RuleEvent, ...], ...]) -> tuple[int, ...]:
    """Error numbers with which rules deny an exec, smallest first."""
    forms = [f for events in rules for e in events if e.event == "process.exec" for f in e.forms]
    return tuple(sorted({f.errno for f in forms if f.actions & ACT_DENY and f.errno}))


def _manifest(
    policy: Policy,
    plan: Plan,
    linux_rules: tuple[tuple[RuleEvent, ...], ...],
    windows_rules: tuple[tuple[RuleEvent, ...], ...],
    linux: Half,
    windows: Half | None,
) -> Manifest:
    values = described(policy)
    rules = tuple(
        _rule(*row)
        for row in zip(
            policy.rules, linux_rules, windows_rules, values.tests, plan.confirms, strict=True
        )
    )
    return Manifest(
        version=MANIFEST_VERSION,
        compiler=__version__,
        policy=policy.name,
        policy_version=policy.version,
        catalogue=_since(policy, plan),
        source_digest=_source_digest(policy),
        rules=rules,
        layouts=tuple(e.layout for e in plan.events),
        linux=linux,
        windows=windows,
        shared_version=SHARED_VERSION,
        literals=values.literals,
        sets=set_infos(plan.memory),
        slot=slot_layout(plan),
        context=plan.context if plan.image else None,
    )


def _rule(
    rule: Rule,
    linux: tuple[RuleEvent, ...],
    windows: tuple[RuleEvent, ...],
    tests: tuple[tuple[str, int], ...],
    confirm: ConfirmInfo | None,
) -> RuleInfo:
    template = rule.alert.template if rule.alert else ()
    return RuleInfo(
        name=rule.name,
        metadata=rule.metadata,
        template=_parts(template),
        silent=rule.silent,
        mode=rule.mode,
        file=PurePath(rule.span.file).name,
        line=rule.name_span.line,
        linux=linux,
        windows=windows,
        tests=tests,
        output=tuple(OutputInfo(o.name, _parts(o.parts), o.text) for o in rule.output),
        steps=tuple(_steps(rule)),
        remembers=has_state(rule),
        agent=agent_infos(rule),
        confirm=confirm,
    )


def _steps(rule: Rule) -> Iterator[StepInfo]:
    """What a sequence remembers of its earlier steps."""
    killed = rule.kill.steps if rule.kill else ()
    for number, step in enumerate(rule.sequence.steps[:-1] if rule.sequence else (), 1):
        fields = number_fields(step.carried)
        yield StepInfo(step.alias, step.event.name, fields, number in killed)


def _parts(template: Iterable[Part]) -> Parts:
    """A text as the manifest has it."""
    return tuple(
        ("text", part) if isinstance(part, str) else ("field", part.name) for part in template
    )


def _since(policy: Policy, plan: Plan) -> int:
    """The newest catalogue version among the events, and the fields of their records."""
    events = {e.name: e for _, rule in policy.parts for e in rule.events}
    found = [1]
    for item in plan.events:
        event = events[item.layout.event]
        found.append(event.since)
        names = [n.name for n in item.layout.numbers] + [t.name for t in item.layout.texts]
        found += [field.since for field in event.ordered(names)]
    return max(found)


def _source_digest(policy: Policy) -> str:
    digest = sha256()
    for name, text in policy.sources:
        for part in (PurePath(name).name, text):
            data = part.encode("utf-8")
            digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()
