"""Random rules on real connections, against the reference interpreter."""

import os
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from attrs import frozen
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from compiler.driver import compile_sources
from dsl.semantics import FieldValue, evaluate
from dsl.typed import Policy, Rule
from tests.linux.live import FILE, HEADER, Live, open_sensor
from tests.linux.programs import connect, interpreter

pytestmark = [pytest.mark.bpf, pytest.mark.root]

POLICIES = 10
RULES = 20  # of one policy: no more than a record lists
CONNECTIONS = 10
PORTS = [41_000, 41_001, 41_002, 41_010, 41_255, 41_256, 65_535]
ADDRESSES = [
    "127.0.0.1",
    "127.0.0.2",
    "127.1.2.3",
    "10.0.0.1",
    "192.168.7.7",
    "::1",
    "::ffff:127.0.0.1",
    "fd00::1",
    "2001:db8::7",
]
NETWORKS = [
    "127.0.0.0/8",
    "127.0.0.0/30",
    "10.0.0.0/8",
    "0.0.0.0/1",
    "::1",
    "127.0.0.2",
    "::/0",
    "::ffff:0:0/96",
    "fc00::/7",
    "2001:db8::/32",
]
NAME = os.path.basename(interpreter())
FOLDER = os.path.dirname(interpreter())


def _listed(values: list[str]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(
        lambda chosen: f"[{', '.join(chosen)}]"
    )


def _ports() -> st.SearchStrategy[str]:
    numbers = [str(port) for port in PORTS]
    ranges = [f"{low}..{high}" for low in PORTS for high in PORTS if low < high]
    return st.one_of(
        st.builds("remote.port {} {}".format, st.sampled_from(["==", "!=", "<", ">="]),
                  st.sampled_from(numbers)),
        _listed(numbers + ranges).map("remote.port in {}".format),
    )  # fmt: skip


def _texts() -> st.SearchStrategy[str]:
    """Tests of texts: some hold for this process, some do not."""
    words = [NAME, NAME[:3], NAME[-3:], NAME[1:4], NAME.upper(), "curl", "py", FOLDER, "/usr/bin"]
    quoted = [f'"{word}"' for word in words]
    return st.builds(
        "{} {} {}{}".format,
        st.sampled_from(["proc.exe.name", "proc.exe.path", "proc.comm"]),
        st.sampled_from(["==", "startswith", "endswith", "contains"]),
        st.one_of(st.sampled_from([q for q in quoted if len(q) < 17]),
                  _listed([q for q in quoted if len(q) < 17])),
        st.sampled_from(["", " nocase"]),
    )  # fmt: skip


ATOMS = st.one_of(
    _ports(),
    _listed(NETWORKS).map("remote.ip in {}".format),
    st.sampled_from(["net.protocol == tcp", "net.protocol == udp", "net.protocol != udp"]),
    st.sampled_from(["net.family == ipv4", "net.family == ipv6"]),
    st.sampled_from([f"proc.pid == {os.getpid()}", "proc.uid == 0", "proc.uid != 0"]),
    _texts(),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map("not ({})".format),
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
    ),
    max_leaves=5,
)
EXCEPTIONS = st.one_of(st.just(""), ATOMS.map("except when {}".format))


@frozen
class Connection:
    """One attempt to connect."""

    address: str
    port: int
    stream: bool


# Only loopback addresses are connected to by TCP: UDP sends nothing until there is something.
TRIES = st.builds(Connection, st.sampled_from(ADDRESSES), st.sampled_from(PORTS), st.just(False))
TRIES |= st.builds(
    Connection, st.sampled_from([*ADDRESSES[:3], "::1"]), st.sampled_from(PORTS), st.just(True)
)


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """A sensor; each example activates a policy of its own."""
    with open_sensor() as one:
        yield one


def _expected(rule: Rule, record: dict[str, FieldValue]) -> bool:
    fires = evaluate(rule.when, record)[0]
    return fires and not any(evaluate(clause.when, record)[1] for clause in rule.excepts)


def _record(connection: Connection, comm: bytes) -> dict[str, FieldValue]:
    address = ip_address(connection.address)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return {
        "remote.ip": address,
        "remote.port": connection.port,
        "net.protocol": 6 if connection.stream else 17,
        "net.family": 4 if isinstance(address, IPv4Address) else 6,
        "proc.pid": os.getpid(),
        "proc.uid": os.getuid(),
        "proc.exe.path": os.fsencode(interpreter()),
        "proc.comm": comm,
    }


@settings(
    max_examples=POLICIES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # each step of shrinking is an activation
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    rules=st.lists(st.tuples(CONDITIONS, EXCEPTIONS), min_size=RULES, max_size=RULES),
    tries=st.lists(TRIES, min_size=CONNECTIONS, max_size=CONNECTIONS),
)
def test_random_rules(rules: list[tuple[str, str]], tries: list[Connection], live: Live) -> None:
    source = "\n".join(
        f"rule r{n} {{ on net.connect when {condition} {exception} }}"
        for n, (condition, exception) in enumerate(rules)
    )
    result = compile_sources([(FILE, f"{HEADER}\n{source}\n")])
    assert result.artifact is not None, [str(d) for d in result.diagnostics]
    policy = result.policy
    assert isinstance(policy, Policy)
    live.sensor.activate(result.artifact)
    with open("/proc/self/comm", "rb") as file:
        comm = file.read().rstrip(b"\n")
    for one in tries:
        live.drain()
        kind = socket.SOCK_STREAM if one.stream else socket.SOCK_DGRAM
        connect(one.address, one.port, kind)
        alerts = live.alerts(os.getpid())
        record = _record(one, comm)
        expected = {rule.name for rule in policy.rules if _expected(rule, record)}
        assert {alert.rule.name for alert in alerts} == expected, (one, source)
        assert {alert.certainty for alert in alerts} <= {"certain"}
