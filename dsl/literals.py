"""Literals: the text of a token to its value, with a diagnostic for each that has none."""

import re
from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from dsl.diagnostics import Collector, nearest, shown
from dsl.lexer import Token
from dsl.span import Span
from dsl.syntax import Broken, Network, Number, Text

DURATIONS = {
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "min": 60 * 1_000_000_000,
    "h": 3_600 * 1_000_000_000,
    "d": 86_400 * 1_000_000_000,
}
SIZES = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

# A record's numbers are 64-bit words, signed or not.
LOWEST, HIGHEST = -(1 << 63), (1 << 64) - 1

_INTEGER = re.compile(
    r"(-?)(?:0[xX]([0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)|0[oO]([0-7]+(?:_[0-7]+)*)"
    r"|([0-9]+(?:_[0-9]+)*)([^\W\d_]*))"
)
_DIGITS = 40  # no 64-bit number needs more in any base; int() of a long literal takes time
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(.))", re.S)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "0": "\0"}


def number(token: Token, file: str, report: Collector) -> Number | Broken:
    """An integer, with `0x`, `0o`, underscores, or a unit of time or size."""
    span = token.span(file)
    match = _INTEGER.fullmatch(token.text)
    unit = match[5] or "" if match else ""
    if not match or (unit and unit not in DURATIONS and unit not in SIZES):
        units = [*DURATIONS, *SIZES]
        digits = token.text[: len(token.text) - len(unit)] if unit else ""
        close = nearest(unit, units) if unit else ""
        report.error(
            "BPFC0109",
            f"`{shown(token.text)}` is not a number",
            span,
            suggestion=digits + close if close else "",
            remedy=f"numbers are 10, 0x1f, 0o755, 10_000; units are {' '.join(units)}",
        )
        return Broken(span)
    sign, *digits_by_base = match.groups()[:4]
    digits, base = next(
        (d.replace("_", ""), b) for d, b in zip(digits_by_base, (16, 8, 10), strict=True) if d
    )
    digits = digits.lstrip("0") or "0"
    value = HIGHEST + 1 if len(digits) > _DIGITS else int(digits, base)
    value *= DURATIONS.get(unit, SIZES.get(unit, 1))
    value = -value if sign else value
    if not LOWEST <= value <= HIGHEST:
        report.error(
            "BPFC0303",
            f"`{shown(token.text)}` does not fit into 64 bits",
            span,
            remedy=f"numbers go from {LOWEST} to {HIGHEST}; durations count in nanoseconds",
        )
        return Broken(span)
    return Number(value, "duration" if unit in DURATIONS else "size" if unit else "", span)


def day(token: Token, file: str, report: Collector) -> date | None:
    """A date, YYYY-MM-DD (ISO 8601)."""
    try:
        return date.fromisoformat(token.text)
    except ValueError:
        report.error(
            "BPFC0114",
            f"there is no day {token.text}",
            token.span(file),
            remedy="write year, month and day: 2027-03-01",
        )
        return None


def string(token: Token, file: str, report: Collector) -> Text | Broken:
    """A string or a raw string."""
    span = token.span(file)
    if token.text.startswith("r"):
        value, offset, good = token.text[2:-1], 2, True
    elif "\\" not in token.text:
        value, offset, good = token.text[1:-1], 1, True
    else:
        value, good = _unescape(token, file, report)
        offset = 0
    if "\0" in value:
        report.error(
            "BPFC0108",
            "a string cannot contain the NUL character",
            span,
            remedy="texts of the kernel end at NUL; test the elements of proc.argv one by one",
        )
        return Broken(span)
    return Text(value, span, offset) if good else Broken(span)


def _unescape(token: Token, file: str, report: Collector) -> tuple[str, bool]:
    """A string's characters, and whether all escapes were right."""
    good = True

    def replace(match: re.Match[str]) -> str:
        nonlocal good
        code = int(match[1] or match[2] or match[3] or "-1", 16)
        if code < 0 and match[4] in _SIMPLE:
            return _SIMPLE[match[4]]
        # \xHH beyond ASCII would be a byte to some and a character to others.
        if 0 <= code <= (0x7F if match[3] else 0x10FFFF) and not 0xD800 <= code <= 0xDFFF:
            return chr(code)
        good = False
        begin = match.start() + 1
        report.error(
            "BPFC0104",
            f"`{shown(match[0])}` is not an escape sequence",
            Span(
                file,
                token.start + begin,
                token.start + begin + len(match[0]),
                token.line,
                token.column + begin,
            ),
            remedy=r'use \n \t \r \" \\ \x41 \u00e9 \u{1f600}, or a raw string r"..."',
        )
        return ""

    return _ESCAPE.sub(replace, token.text[1:-1]), good


def address(text: str, span: Span, report: Collector) -> Network | Broken:
    """An address or a network in CIDR notation.

    An IPv4-mapped IPv6 address or network (::ffff:10.0.0.0/104) is the IPv4 one.
    """
    host, slash, length = text.partition("/")
    try:
        if "%" in host:
            raise ValueError("zone")
        width = ip_address(host).max_prefixlen
    except ValueError:
        _bad_address(text, host, span, report)
        return Broken(span)
    if slash and not (re.fullmatch("[0-9]{1,3}", length) and int(length) <= width):
        report.error(
            "BPFC0113",
            f"`{shown(text)}` is not a network: the prefix length goes from 0 to {width}",
            span,
        )
        return Broken(span)
    network = ip_network(text, strict=False)
    if slash and str(network.network_address) != str(ip_address(host)):
        report.error(
            "BPFC0113",
            f"`{text}` is not a network: bits behind the prefix are set",
            span,
            suggestion=str(network),
            remedy=f"for the one address write {host}",
        )
        return Broken(span)
    return Network(_unmapped(network), span)


def _bad_address(text: str, host: str, span: Span, report: Collector) -> None:
    """Report what is no address; a decimal fraction looks like one to the lexer."""
    fraction = re.fullmatch(r"[0-9]+\.[0-9]+", text) is not None
    report.error(
        "BPFC0109" if fraction else "BPFC0112",
        f"`{shown(text)}` is not a number" if fraction else f"`{shown(host)}` is not an address",
        span,
        remedy="numbers have no decimal fraction"
        if fraction
        else "write 10.0.0.1, 10.0.0.0/8, 2001:db8::1 or 2001:db8::/32",
    )


def _unmapped(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """The IPv4 network that an IPv4-mapped one stands for (RFC 4291, 2.5.5.2)."""
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - 96))
    return network
