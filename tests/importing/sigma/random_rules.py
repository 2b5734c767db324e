"""Random Sigma rules, and events near what they look for.

Few words and short ones, so that rules match about every third event. Texts of events are never
empty and keep out of directories with two names, where bpfc differs by intent (docs/import.md).
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from random import Random
from typing import Any

from sigma.collection import SigmaCollection
from sigma.rule import SigmaDetection, SigmaRule
from sigma.types import (
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExpansion,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SpecialChars,
)

Event = dict[str, Any]  # by Sigma's names; None where a field is absent
Rule = dict[str, Any]

WORDS = (  # keep
    "a",
    "B",
    "tool",
    "-x",
    "/b",
    " ",
    "%",
    "_",
    "[",
    "]",
    "é",
    "É",
    ".sh",
    "12",
    '"',
    "'",
    "\\",
)
PATHS = ("/opt/tool", "/opt/Tool.sh", "/srv/a/b", "/tmp/x_[1]", "/data/é/a b", "/opt/12%")
LINES = (
    "tool -x a",
    "TOOL --list /tmp",
    "a B [12] %é",
    "sh -c 'tool'",
    "\\\\srv\\a 12",
    "c29tZQ== a",
)
# Expressions, with a text that each is found in.
EXPRESSIONS = (
    ("a+b", "xaabx"),
    ("^/opt/.*x$", "/opt/tool/x"),
    ("[0-9]{2,3}", "a 123"),
    (r"x\.y|tool", "tool"),
    (r"(?:sh|bash)\s+-c", "bash -c id"),
    ("[^a-z]{3}$", "a---"),
)
ADDRESSES = (
    "10.0.0.1",
    "10.1.2.3",
    "192.168.7.9",
    "192.0.2.250",
    "2001:db8::1",
    "fe80::a:1",
    "fd00::2",
)
NETWORKS = ("10.0.0.0/8", "192.168.0.0/16", "192.0.2.240/28", "2001:db8::/32", "10.0.0.1/32")
BEGINNINGS = ("10.", "192.168.", "192.", "1", "192.0.2.25", "2001:db8:", "fe80:", "fd")
PORTS = (22, 443, 4444, 44, 65535)
USERS = ("root", "somebody", "Deploy", "svc-12")
ORIGINAL = "proc.exe.version.original_name"  # by its own name: no field of Sigma's on Linux
COMPANY = "proc.exe.version.company"
NAMES = ("Tool.exe", "TOOL.exe", "a B.dll", "é12")
HASHES = {  # by Sysmon's names, in its order
    "MD5": ("00112233445566778899aabbccddeeff", "ab" * 16),
    "SHA1": ("1234567890abcdef" * 2 + "00000001", "cd" * 20),
    "SHA256": ("275a021bbfb6489e" * 4, "ef" * 32),
    "IMPHASH": ("fedcba9876543210" * 2, "99" * 16),
}
TEXTS = ("Image", "ParentImage", "CommandLine", "ParentCommandLine")
# Fields of events that depend on one another.
_FIXED = ("User", "ParentUser", "Hashes", *map(str.lower, HASHES))
PLAIN = ("", "|startswith", "|endswith", "|contains", "|contains|all", "|windash|contains")
ENCODED = (
    "|base64|contains",
    "|base64offset|contains",
    "|wide|base64offset|contains",
    "|utf16|base64|contains",
    "|utf16be|base64offset|contains",
)


def rule(random: Random, number: int) -> Rule:
    """A rule.

    Args:
        random: where to draw from.
        number: for its title.

    Returns:
        It, as YAML has it.
    """
    category = random.choice(("process_creation", "process_creation", "network_connection"))
    names = [f"sel_{n}" for n in range(random.randint(1, 3))]
    names += [f"filter_{n}" for n in range(random.randint(0, 2))]
    return {
        "title": f"random {number}",
        "logsource": {"product": "linux", "category": category},
        "detection": {
            **{name: _detection(random, category) for name in names},
            "condition": _condition(random, names),
        },
    }


def _condition(random: Random, names: list[str]) -> Any:
    filters = any(name.startswith("filter") for name in names)
    forms = ["1 of sel_*", "all of sel_*", "sel_0", "1 of them", "all of them", "not sel_0"]
    if filters:
        forms += ["1 of sel_* and not 1 of filter_*", "sel_0 and not all of filter_*"]
        forms += ["not (1 of sel_* or filter_0)", "all of sel_* or (filter_0 and not sel_0)"]
    found = random.sample(forms, random.choice((1, 1, 1, 2)))
    return found[0] if len(found) == 1 else found


def _detection(random: Random, category: str) -> Any:
    """A map, or a list of maps."""
    maps = [dict(_items(random, category)) for _ in range(random.choice((1, 1, 1, 2)))]
    return maps[0] if len(maps) == 1 else maps


def _items(random: Random, category: str) -> Iterator[tuple[str, Any]]:
    for _ in range(random.randint(1, 3)):
        if category == "network_connection" and random.random() < 0.6:
            yield _network(random)
        else:
            yield _process(random)


def _process(random: Random) -> tuple[str, Any]:
    kinds = ("encoded", "re", "number", "absent", "odd", "root", "user", "hash", "version")
    kind = random.choice(("text",) * 8 + kinds)
    field = random.choice(TEXTS)
    match kind:
        case "text":
            return _text(random, field)
        case "encoded":
            return f"CommandLine{random.choice(ENCODED)}", random.choice(("tool", "a", "x y"))
        case "re":
            flags = random.choice(("", "|i", "|i|m|s"))
            return f"{field}|re{flags}", [e for e, _ in random.sample(EXPRESSIONS, 2)]
        case "number":
            return _number(random, random.choice(("ProcessId", "ParentProcessId")), (1, 2, 300))
        case "absent":
            wanted = {"|exists": random.choice((True, False)), "": random.choice((None, "", "*"))}
            modifier = random.choice(tuple(wanted))
            return f"{random.choice(('proc.tty', COMPANY))}{modifier}", wanted[modifier]
        case "odd":
            return field, random.choice(("*", "?*", "", None, 12, 1.5, "*?"))
        case "user":
            return _text(random, random.choice(("User", "ParentUser")))
        case "hash":
            return _hash(random)
        case "version":
            return _text(random, ORIGINAL)
    return random.choice(("User", "ParentUser")), random.choice(("root", "Root", ["root", "x"]))


def _hash(random: Random) -> tuple[str, Any]:
    """Hashes as rules have them: with names or without, whole or in part."""
    if random.random() < 0.2:
        name = random.choice(("MD5", "SHA1", "SHA256"))
        return name.lower(), random.choice(HASHES[name]).upper()
    if random.random() < 0.2:
        return "Hashes|startswith", f"MD5={random.choice(HASHES['MD5'])[: random.choice((4, 32))]}"
    found = []
    for _ in range(random.randint(1, 3)):
        name = random.choice(tuple(HASHES))
        digits = random.choice(HASHES[name])
        size = random.choice((8, len(digits), len(digits)))
        text = f"{random.choice(('', f'{name}='))}{digits[:size]}"
        found.append(random.choice((text, text.upper())))
    return f"Hashes|contains{random.choice(('', '|all'))}", found


def _text(random: Random, field: str) -> tuple[str, Any]:
    modifier = random.choice(PLAIN)
    values = [_value(random, field) for _ in range(random.choice((1, 1, 2, 3)))]
    cased = random.choice(("", "", "", "|cased")) if "windash" not in modifier else ""
    negated = random.choice(("",) * 7 + ("|neq",))
    return f"{field}{modifier}{cased}{negated}", values if len(values) > 1 else values[0]


def _value(random: Random, field: str) -> str:
    """Sigma's form of a text: words or a piece of what events have, with wildcards."""
    if random.random() < 0.5:
        whole = random.choice(_whole(field))
        begin = random.randrange(len(whole))
        text = whole if random.random() < 0.3 else whole[begin : begin + random.randint(1, 6)]
    else:
        text = "".join(random.choices(WORDS, k=random.randint(1, 3)))
    text = text.replace("\\", "\\\\")
    if random.random() < 0.4:
        place = random.randrange(len(text) + 1)
        text = text[:place] + random.choice(("*", "?", r"\*", "*?", r"\?")) + text[place:]
    return text


def _whole(field: str) -> tuple[str, ...]:
    """What events have."""
    if field.endswith("User"):
        return USERS
    if field == ORIGINAL:
        return NAMES
    return PATHS if field.endswith("Image") else LINES


def _number(random: Random, field: str, values: tuple[int, ...]) -> tuple[str, Any]:
    modifier = random.choice(("", "", "|lt", "|lte", "|gt", "|gte"))
    value: Any = random.choice(values)
    if modifier:
        return f"{field}{modifier}", random.choice((value, value + 0.5))
    return field, random.choice((value, str(value), list(values[:2])))


def _network(random: Random) -> tuple[str, Any]:
    kind = random.choice(("ip", "cidr", "begin", "port", "port", "protocol", "initiated", "ipv6"))
    match kind:
        case "ip":
            return "DestinationIp", random.sample(ADDRESSES, 2)
        case "cidr":
            return "DestinationIp|cidr", random.sample(NETWORKS, random.randint(1, 3))
        case "begin":
            return "DestinationIp|startswith", random.sample(BEGINNINGS, random.randint(1, 3))
        case "port":
            if random.random() < 0.3:
                how = random.choice(("startswith", "endswith", "contains"))
                return f"DestinationPort|{how}", "4"
            return _number(random, "DestinationPort", PORTS)
        case "protocol":
            return "Protocol", random.choice(("tcp", "UDP", "*p", "icmp"))
        case "initiated":
            return "Initiated", random.choice(("true", "True", True))
    return "DestinationIsIpv6", random.choice((True, False, "true"))


# ---------------------------------------------------------------- events


def events(random: Random, found: Rule, count: int) -> list[Event]:
    """Events near a rule.

    Args:
        random: where to draw from.
        found: the rule.
        count: how many.

    Returns:
        Events of the rule's log source.
    """
    (parsed,) = SigmaCollection.from_dicts([found]).rules
    assert isinstance(parsed, SigmaRule)
    near: dict[str, list[Any]] = {}
    for detection in parsed.detection.detections.values():
        for field, value in _values(detection):
            near.setdefault(field, []).append(value)
    return [_event(random, near, parsed.logsource.category or "") for _ in range(count)]


def _values(detection: SigmaDetection) -> Iterator[tuple[str, Any]]:
    """Fields and values of a detection, behind all modifiers."""
    for item in detection.detection_items:
        if isinstance(item, SigmaDetection):
            yield from _values(item)
        elif item.field:
            for value in item.value:
                several = value.values if isinstance(value, SigmaExpansion) else [value]
                yield from ((item.field, one) for one in several)


def _event(random: Random, near: Mapping[str, list[Any]], category: str) -> Event:
    hashes = {name: random.choice(values) for name, values in HASHES.items()}
    event: Event = {
        "Image": random.choice(PATHS),
        "ParentImage": random.choice(PATHS),
        "CommandLine": random.choice(LINES),
        "ParentCommandLine": random.choice(LINES),
        "ProcessId": random.choice((1, 2, 3, 300, 301)),
        "ParentProcessId": random.choice((1, 2, 300)),
        "proc.tty": random.choice((None, "pts0", "tty1")),
        "User": random.choice(USERS),
        "ParentUser": random.choice(USERS),
        ORIGINAL: random.choice(NAMES),
        COMPANY: random.choice((None, "one", "another")),
        "Hashes": ",".join(f"{name}={value.upper()}" for name, value in hashes.items()),
        **{name.lower(): value for name, value in hashes.items()},
    }
    if category == "network_connection":
        event |= {
            "DestinationIp": random.choice(ADDRESSES),
            "DestinationPort": random.choice(PORTS),
            "Protocol": random.choice(("tcp", "udp")),
            "Initiated": "true",
        }
    for field, values in near.items():
        if random.random() < 0.8 and field in event and field not in _FIXED:
            event[field] = _near(random, event[field], random.choice(values))
    if category == "network_connection":
        event["DestinationIsIpv6"] = str(ip_address(event["DestinationIp"]).version == 6).lower()
    return event


def _near(random: Random, before: Any, value: Any) -> Any:
    """A value of an event that a value of a rule may match."""
    match value:
        case SigmaNumber() if isinstance(before, int):
            return _within(value.number)
        case SigmaCompareExpression() if isinstance(before, int):
            return _within(value.number.number + random.choice((-1, 0, 1)))
        case SigmaCIDRExpression():
            size = value.network.num_addresses
            return str(value.network[random.randrange(min(size, 1 << 16))])
        case SigmaRegularExpression() if isinstance(before, str):
            samples = [text for e, text in EXPRESSIONS if e == str(value.regexp)]
            return random.choice(samples) if samples else before
        case SigmaString() if isinstance(before, str) and before not in ("tcp", "udp", "true"):
            return _realised(random, before, value)
    return before


def _within(number: float) -> int:
    """A number that every field of an event can have."""
    return min(max(0, int(number)), PORTS[-1])


def _realised(random: Random, before: str, value: SigmaString) -> str:
    """A text that a string with wildcards matches, or nearly."""
    if before in ADDRESSES:
        return before
    star, one = random.choice(("", "/", "ab", before)), random.choice("x/é")
    text = "".join(
        part if isinstance(part, str) else star if part is SpecialChars.WILDCARD_MULTI else one
        for part in value.s
    )
    change = random.choice((str, str, str.swapcase, lambda t: t[1:], lambda t: f"{t}x"))
    return change(text).replace("\0", "") or before
