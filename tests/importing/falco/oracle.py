"""What Falco says of a condition: its documented meaning, without the importer's parser and tables.

Conditions are tuples: ("and", ...), ("or", ...), ("not", x), ("macro", name, x) and
("test", field, operator, values). Events are mappings of Falco's fields; None has no value.
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import Any

Condition = tuple[Any, ...]
Event = Mapping[str, Any]


def holds(condition: Condition, event: Event) -> bool:
    """Whether a condition is true of an event."""
    match condition:
        case ("and", *parts):
            return all(holds(part, event) for part in parts)
        case ("or", *parts):
            return any(holds(part, event) for part in parts)
        case ("not", part):
            return not holds(part, event)
        case ("macro", _, part):
            return holds(part, event)
        case ("test", field, operator, values):
            value = event[field]
            # A comparison with what is not there is false, whatever the operator.
            return value is not None and _compare(field, value, operator, values)
    raise ValueError(condition)


def _compare(field: str, value: Any, operator: str, values: list[str]) -> bool:
    folded = {"tolower": str.lower, "toupper": str.upper}.get(field.partition("(")[0])
    if folded:
        value = folded(value)
    if operator == "exists":
        return True
    if operator == "!=":
        return not _one(field, value, "=", values[0])
    operator = {"in": "=", "intersects": "=", "==": "="}.get(operator, operator)
    return any(_one(field, value, operator, other) for other in values)


def _one(field: str, value: Any, operator: str, other: str) -> bool:
    if isinstance(value, bool):
        return value == (other == "true")
    if isinstance(value, int):
        return _number(value, operator, int(other, 0))
    if field.endswith(("ip", "net")):
        network = ip_network(other)
        return ip_address(value).version == network.version and ip_address(value) in network
    match operator:
        case "=":
            return bool(value == other)
        case "contains":
            return other in value
        case "icontains":
            return other.lower() in value.lower()
        case "startswith":
            return bool(value.startswith(other))
        case "endswith":
            return bool(value.endswith(other))
        case "glob":
            return fnmatchcase(value, other)
        case "iglob":
            return fnmatchcase(value.lower(), other.lower())
        case "regex":
            return re.fullmatch(other, value) is not None
        case "pmatch":
            return _components(value)[: len(_components(other))] == _components(other)
    raise ValueError(operator)


def _components(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _number(value: int, operator: str, other: int) -> bool:
    return {
        "=": value == other,
        "<": value < other,
        "<=": value <= other,
        ">": value > other,
        ">=": value >= other,
    }[operator]
