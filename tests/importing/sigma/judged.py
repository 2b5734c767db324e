"""Events by Sigma's names as events of bpfc, and what a policy says of them."""

from collections.abc import Sequence
from ipaddress import ip_address

import yaml

from bpfc_cli.importing.model import Translation
from bpfc_cli.importing.sigma.translate import translated
from bpfc_cli.importing.source import policy_text
from dsl.catalogue import load
from dsl.frontend import check
from dsl.interpreter import Event as Happened
from dsl.interpreter import Interpreter, Outcome
from dsl.semantics import ABSENT, FieldValue
from dsl.typed import Policy
from tests.importing.sigma.random_rules import COMPANY, HASHES, ORIGINAL, Event, Rule
from tests.language.fixture import START, complete

_TEXTS = {
    "Image": "proc.exe.path",
    "ParentImage": "proc.parent.exe.path",
    "CommandLine": "proc.cmdline",
    "ParentCommandLine": "proc.parent.cmdline",
    "proc.tty": "proc.tty",
    "User": "proc.uid.name",
    "ParentUser": "proc.parent.uid.name",
    **{name: name for name in (ORIGINAL, COMPANY)},
    **{name.lower(): f"proc.exe.hash.{name.lower()}" for name in HASHES},
}
_NUMBERS = {
    "ProcessId": "proc.pid",
    "ParentProcessId": "proc.ppid",
    "DestinationPort": "remote.port",
}
_PROTOCOLS = {"tcp": 6, "udp": 17}


def translation(rules: Sequence[Rule]) -> tuple[Translation, ...]:
    """What becomes of rules."""
    text = yaml.safe_dump_all(rules, allow_unicode=True, sort_keys=False)
    return translated([("random.yml", text.encode())])


def policy_of(found: Sequence[Translation]) -> Policy:
    """The policy of translated rules; what the importer writes is right."""
    text = policy_text("random", found)
    policy, diagnostics = check([("random.det", text)])
    assert policy is not None, "\n".join([text, *map(str, diagnostics)])
    return policy


def happened(event: Event) -> Happened:
    """An event as bpfc sees it."""
    network = "DestinationIp" in event
    name = "net.connect" if network else "process.exec"
    fields: dict[str, FieldValue] = {
        field: ABSENT if event[key] is None else event[key].encode()
        for key, field in _TEXTS.items()
    }
    fields |= {field: event[key] for key, field in _NUMBERS.items() if key in event}
    fields["proc.uid"] = 0 if event["User"] == "root" else 1000
    fields["proc.parent.uid"] = 0 if event["ParentUser"] == "root" else 1000
    if network:
        address = ip_address(event["DestinationIp"])
        fields["remote.ip"] = address
        fields["net.family"] = address.version
        fields["net.protocol"] = _PROTOCOLS[event["Protocol"]]
    return Happened(name, START, complete(name, fields, _names(name)))


def _names(event: str) -> list[str]:
    """All fields that do not follow from others; elements of a list are given as one text."""
    kind = load().event(event)
    assert kind is not None
    return [field.name for field in kind.fields if field.part != "elements"]


def outcomes(policy: Policy, events: Sequence[Happened]) -> list[Outcome]:
    """What a policy makes of events, says the reference interpreter."""
    interpreter = Interpreter(policy)
    return [interpreter.consume(event) for event in events]


def verdicts(policy: Policy, events: Sequence[Event]) -> list[frozenset[str]]:
    """The rules that alert on each event."""
    found = outcomes(policy, [happened(event) for event in events])
    return [frozenset(fired.rule for fired in outcome.alerts) for outcome in found]
