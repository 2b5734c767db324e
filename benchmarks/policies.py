"""Policies of any size, the same on every run."""

from collections.abc import Iterator

# RFC 5737, documentation addresses: their first two octets are kept, the rest is counted.
_NETWORK = "203.0"
_SHAPES = 4


def many_rules(number: int) -> str:
    """A policy whose rules have the shapes that rule packs mostly consist of.

    A quarter each: an executable's name, a command line that contains one of two words, a path
    below a folder with a parent's name, and an address with a port. Literals differ from rule to
    rule.

    Args:
        number: of rules.

    Returns:
        The source text.
    """
    head = f'policy "{number} rules" version "1.0.0" language 1\n\n'
    return head + "\n".join(_rule(n) for n in range(number))


def _rule(number: int) -> str:
    event, condition = _CONDITIONS[number % _SHAPES](number // _SHAPES)
    return "\n".join(_text(number, event, condition))


def _text(number: int, event: str, condition: str) -> Iterator[str]:
    yield f"rule generated_{number} {{"
    yield f"  severity {('low', 'medium', 'high')[number % 3]}"
    yield f"  on {event}"
    yield f"  when {condition}"
    yield "  alert"
    yield "}"


def _name(number: int) -> tuple[str, str]:
    return "process.exec", f'proc.exe.name == "tool-{_word(number)}"'


def _command_line(number: int) -> tuple[str, str]:
    words = f'["--{_word(number)}", "{_word(number + 7)}.secret"]'
    return "process.exec", f"proc.cmdline contains any {words}"


def _folder(number: int) -> tuple[str, str]:
    parent = f'proc.parent.exe.name in ["{_word(number)}d", "sshd-{number}"]'
    return "process.exec", f'proc.exe.path under "/opt/{_word(number)}" and {parent}'


def _address(number: int) -> tuple[str, str]:
    network = f"{_NETWORK}.{number >> 4 & 255}.{(number & 15) << 4}/28"
    return "net.connect", f"remote.ip in [{network}] and remote.port == {1024 + number % 60000}"


def rule_of(number: int) -> tuple[str, str]:
    """Events for a rule of `many_rules`, as a test has them.

    Args:
        number: of the rule.

    Returns:
        An event on which the rule fires, and one that it just misses.
    """
    shape, index = number % _SHAPES, number // _SHAPES
    word = _word(index)
    if shape == 0:
        return _exec(f"/usr/bin/tool-{word}"), _exec(f"/usr/bin/tool-{word}s")
    if shape == 1:
        return _exec("/usr/bin/x", f"a--{word}"), _exec("/usr/bin/x", f"a-{word}")
    if shape == 2:
        parent = f', parent.exe.path = "/usr/sbin/sshd-{index}"'
        return _exec(f"/opt/{word}/x", "y", parent), _exec(f"/opt/{word}x", "y", parent)
    address = f"{_NETWORK}.{index >> 4 & 255}.{((index & 15) << 4) + 5}"
    fires, misses = (
        f"net.connect {{ remote.ip = {address}, remote.port = {port + index % 60000} }}"
        for port in (1024, 1023)
    )
    return fires, misses


def _exec(path: str, argument: str = "y", more: str = "") -> str:
    return f'process.exec {{ exe.path = "{path}", argv = ["x", "{argument}"]{more} }}'


_CONDITIONS = (_name, _command_line, _folder, _address)


def _word(number: int) -> str:
    """A word of letters for a number; neighbours do not share their beginning."""
    mixed, word = (number * 2654435761) & 0xFFFFFFFF, ""
    for _ in range(7):
        mixed, letter = divmod(mixed, 26)
        word += chr(ord("a") + letter)
    return word
