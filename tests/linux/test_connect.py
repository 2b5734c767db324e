"""net.connect: every way to reach an address, what rules see of it, and denials that hold."""

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Callable, Iterator

import pytest
from attrs import frozen

from bpfc.artifact.alert import Alert
from tests.linux.live import Live, active, names, only
from tests.linux.programs import checked, connect, fork, libc, wait

pytestmark = [pytest.mark.bpf, pytest.mark.root]

STREAM, DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
LOW = 40_000  # ports by which tests of numbers are told apart; nobody listens there

TESTS = {
    "tcp": "net.protocol == tcp",
    "udp": "net.protocol == udp",
    "four": "net.family == ipv4",
    "six": "net.family == ipv6",
    "loop4": "remote.ip in 127.0.0.0/8",
    "loop6": "remote.ip == ::1",
    "loop": "remote.ip in [127.0.0.0/8, ::1]",
    "private": "remote.ip in [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7]",
    "one": "remote.ip == 192.168.1.1",
    "host_bits": "remote.ip in 172.16.0.0/12 and not remote.ip in 172.20.0.0/16",
    "not_loop": "not remote.ip in [127.0.0.0/8, ::1]",
    "unequal": "remote.ip != 10.1.2.3",
    "mapped": "remote.ip == ::ffff:192.168.1.1",
    "half": "remote.ip in 2001:db8::/33",
    "all4": "remote.ip in 0.0.0.0/0",
    "all6": "remote.ip in ::/0",
    "exact": f"remote.port == {LOW + 5}",
    "range": f"remote.port in {LOW + 2}..{LOW + 4}",
    "ports": f"remote.port in [{LOW + 1}, {LOW + 4}..{LOW + 5}]",
    "above": f"remote.port > {LOW + 4}",
    "least": f"remote.port >= {LOW + 4}",
    "below": f"remote.port < {LOW + 1}",
    "not_range": f"not remote.port in {LOW + 2}..{LOW + 4}",
    "pair": f"remote.port == {LOW + 5} and remote.ip == 10.1.2.3 and net.protocol == udp",
    "either": f"remote.port == {LOW + 1} or remote.ip == 10.1.2.3",
}


@frozen
class Servers:
    """Sockets that listen: what must not be reached."""

    tcp4: socket.socket
    udp4: socket.socket
    tcp6: socket.socket
    udp6: socket.socket

    def port(self, name: str) -> int:
        """The port of one of them."""
        one: socket.socket = getattr(self, name)
        return int(one.getsockname()[1])

    def reached(self, name: str) -> bool:
        """Whether something arrived at one of them."""
        one: socket.socket = getattr(self, name)
        try:
            if name.startswith("tcp"):
                one.accept()[0].close()
            else:
                one.recv(1)
        except BlockingIOError:
            return False
        return True


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """Listeners on the loopback addresses of both families, TCP and UDP."""
    made = []
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        for kind in (STREAM, DATAGRAM):
            one = socket.socket(family, kind)
            one.setblocking(False)
            one.bind((address, 0))
            if kind == STREAM:
                one.listen(8)
            made.append(one)
    yield Servers(*made)
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def live(servers: Servers) -> Iterator[Live]:
    """A rule for each of TESTS on this process and its children, and one that denies."""
    me = os.getpid()
    mine = f"(proc.pid == {me} or proc.ppid == {me})"
    closed = ", ".join(str(servers.port(n)) for n in ("tcp4", "udp4", "tcp6", "udp6"))
    rules = [f"rule {n} {{ on net.connect when {mine} and ({t}) alert }}" for n, t in TESTS.items()]
    rules.append(f"""rule denied {{
        on net.connect
        when {mine} and remote.ip in [127.0.0.0/8, ::1] and remote.port in [{closed}]
             and not proc.uid == 61234
        deny EACCES
        alert "{{remote.ip}} port {{remote.port}} by {{net.protocol}}"
    }}""")
    with active("\n".join(rules)) as one:
        yield one


def _alerts(live: Live, action: Callable[[], object]) -> list[Alert]:
    live.drain()
    action()
    return live.alerts(os.getpid())


@pytest.mark.parametrize(
    ("address", "port", "expected"),
    [
        ("127.0.0.1", LOW, "four loop4 loop all4 all6 unequal below not_range"),
        ("127.255.255.254", LOW + 1, "four loop4 loop all4 all6 unequal ports not_range either"),
        ("128.0.0.0", LOW + 2, "four not_loop all4 all6 unequal range"),
        ("10.1.2.3", LOW + 5, "four private not_loop all4 all6 exact ports above least not_range"
         " pair either"),
        ("10.1.2.4", LOW + 4, "four private not_loop all4 all6 unequal range ports least"),
        ("172.16.0.0", LOW + 3, "four private host_bits not_loop all4 all6 unequal range"),
        ("172.31.255.255", LOW + 3, "four private host_bits not_loop all4 all6 unequal range"),
        ("172.20.0.1", LOW + 3, "four private not_loop all4 all6 unequal range"),
        ("172.32.0.0", LOW + 3, "four not_loop all4 all6 unequal range"),
        ("192.168.1.1", LOW + 3, "four private one mapped not_loop all4 all6 unequal range"),
        ("::1", LOW + 3, "six loop6 loop all6 unequal range"),
        ("::2", LOW + 3, "six not_loop all6 unequal range"),
        ("fdff::1", LOW + 3, "six private not_loop all6 unequal range"),
        ("2001:db8:7fff::", LOW + 3, "six half not_loop all6 unequal range"),
        ("2001:db8:8000::", LOW + 3, "six not_loop all6 unequal range"),
        ("::ffff:192.168.1.1", LOW + 3, "four private one mapped not_loop all4 all6 unequal range"),
        ("::ffff:127.0.0.1", LOW + 3, "four loop4 loop all4 all6 unequal range"),
        ("127.0.0.1", 65535, "four loop4 loop all4 all6 unequal above least not_range"),
    ],
)  # fmt: skip
def test_addresses_and_ports(address: str, port: int, expected: str, live: Live) -> None:
    # Sending nothing; where there is no route connect() fails only after the rules were asked.
    alerts = _alerts(live, lambda: connect(address, port))
    assert names(alerts) == {"udp", *expected.split()}
    shown = address.removeprefix("::ffff:")
    for alert in alerts:
        fields = alert.fields
        assert (fields["remote.ip"], fields["remote.port"]) == (shown, port)
        assert fields["net.protocol"] == "udp"
        assert fields["net.family"] == ("ipv6" if ":" in shown else "ipv4")
        assert (alert.event, alert.stage) == ("net.connect", "before")
        assert (alert.outcome, alert.errno) == ("observed", None)


@pytest.mark.parametrize(
    ("address", "kind", "protocol", "family"),
    [
        ("127.0.0.1", STREAM, "tcp", "ipv4"),
        ("127.0.0.1", DATAGRAM, "udp", "ipv4"),
        ("::1", STREAM, "tcp", "ipv6"),
        ("::1", DATAGRAM, "udp", "ipv6"),
        ("::ffff:127.0.0.1", STREAM, "tcp", "ipv4"),
    ],
)
def test_protocols_and_families(
    address: str, kind: socket.SocketKind, protocol: str, family: str, live: Live
) -> None:
    alerts = _alerts(live, lambda: connect(address, LOW + 3, kind))
    fields = only(alerts, "range").fields
    assert (fields["net.protocol"], fields["net.family"]) == (protocol, family)
    assert {protocol, "six" if family == "ipv6" else "four"} <= names(alerts)
    assert not {"tcp", "udp"} - {protocol} & names(alerts)


def _sendto(address: str, port: int, six: bool) -> None:
    with socket.socket(socket.AF_INET6 if six else socket.AF_INET, DATAGRAM) as one:
        one.sendto(b"x", (address, port))


def _sendmsg(address: str, port: int, six: bool) -> None:
    with socket.socket(socket.AF_INET6 if six else socket.AF_INET, DATAGRAM) as one:
        one.sendmsg([b"x"], [], 0, (address, port))


def _connect(address: str, port: int, six: bool) -> None:
    with socket.socket(socket.AF_INET6 if six else socket.AF_INET, STREAM) as one:
        one.connect((address, port))


def _connect_datagram(address: str, port: int, six: bool) -> None:
    with socket.socket(socket.AF_INET6 if six else socket.AF_INET, DATAGRAM) as one:
        one.connect((address, port))
        one.send(b"x")


def _fast_open(address: str, port: int, six: bool) -> None:
    with socket.socket(socket.AF_INET6 if six else socket.AF_INET, STREAM) as one:
        one.sendto(b"x", socket.MSG_FASTOPEN, (address, port))


def _connected_elsewhere(address: str, port: int, six: bool) -> None:
    """A connected datagram socket can still send to another address."""
    with socket.socket(socket.AF_INET6 if six else socket.AF_INET, DATAGRAM) as one:
        one.connect((address, LOW))
        one.sendto(b"x", (address, port))


def _other_family(address: str, port: int, six: bool) -> None:
    """An IPv6 socket takes an IPv4 address of the IPv4 form too."""
    assert six
    packed = struct.pack("=H", socket.AF_INET) + struct.pack("!H", port)
    packed += socket.inet_aton(address) + bytes(8)
    with socket.socket(socket.AF_INET6, DATAGRAM) as one:
        checked(libc.sendto(one.fileno(), b"x", ctypes.c_size_t(1), 0, packed, len(packed)))


def _connect_other_family(address: str, port: int, six: bool) -> None:
    assert six
    packed = struct.pack("=H", socket.AF_INET) + struct.pack("!H", port)
    packed += socket.inet_aton(address) + bytes(8)
    with socket.socket(socket.AF_INET6, DATAGRAM) as one:
        checked(libc.connect(one.fileno(), packed, len(packed)))
        one.send(b"x")


WAYS = [
    (_connect, "127.0.0.1", False, "tcp4"),
    (_connect, "::1", True, "tcp6"),
    (_connect, "::ffff:127.0.0.1", True, "tcp4"),
    (_connect_datagram, "127.0.0.1", False, "udp4"),
    (_connect_datagram, "::1", True, "udp6"),
    (_connect_datagram, "::ffff:127.0.0.1", True, "udp4"),
    (_connect_other_family, "127.0.0.1", True, "udp4"),
    (_sendto, "127.0.0.1", False, "udp4"),
    (_sendto, "::1", True, "udp6"),
    (_sendto, "::ffff:127.0.0.1", True, "udp4"),
    (_sendmsg, "127.0.0.1", False, "udp4"),
    (_sendmsg, "::1", True, "udp6"),
    (_other_family, "127.0.0.1", True, "udp4"),
    (_connected_elsewhere, "127.0.0.1", False, "udp4"),
    (_connected_elsewhere, "::1", True, "udp6"),
    (_fast_open, "127.0.0.1", False, "tcp4"),
    (_fast_open, "::1", True, "tcp6"),
]


def _ids(way: tuple[Callable[..., None], str, bool, str]) -> str:
    return f"{way[0].__name__.strip('_')}-{way[1]}"


@pytest.mark.parametrize(("way", "address", "six", "server"), WAYS, ids=map(_ids, WAYS))
def test_a_denial_holds_for_every_way(
    way: Callable[[str, int, bool], None],
    address: str,
    six: bool,
    server: str,
    live: Live,
    servers: Servers,
) -> None:
    port = servers.port(server)
    before = live.statistics("denied")
    live.drain()
    with pytest.raises(PermissionError) as refused:
        way(address, port, six)
    assert refused.value.errno == errno.EPERM
    assert not servers.reached(server)
    alert = only(live.alerts(os.getpid()), "denied")
    assert (alert.outcome, alert.errno, alert.certainty) == ("denied", "EPERM", "certain")
    shown = address.removeprefix("::ffff:")
    assert alert.message == f"{shown} port {port} by {server[:3]}"
    after = live.statistics("denied")
    assert (after.fired, after.denied) == (before.fired + 1, before.denied + 1)


@pytest.mark.parametrize(("way", "address", "six", "server"), WAYS, ids=map(_ids, WAYS))
def test_what_the_condition_leaves_out_arrives(
    way: Callable[[str, int, bool], None],
    address: str,
    six: bool,
    server: str,
    live: Live,
    servers: Servers,
) -> None:
    live.drain()

    def work() -> None:
        os.setresuid(61234, 61234, 61234)
        way(address, servers.port(server), six)

    pid = fork(work)
    assert wait(pid) == 0
    assert servers.reached(server)
    found = names(live.alerts(pid))
    assert "denied" not in found and "unequal" in found


def test_the_form_a_rule_got(servers: Servers) -> None:
    rule = "rule no { on net.connect when remote.port == 1 deny EACCES }"
    with active(rule) as live:
        (report,) = live.use(rule).rules
        assert (report.rule, report.event, report.stage) == ("no", "net.connect", "before")
        assert report.label.startswith("denied with EPERM") and "EACCES" in report.label
        assert not report.fallback and (report.file, report.line) == ("test.det", 2)


def test_local_sockets_are_no_connections(live: Live, servers: Servers) -> None:
    def action() -> None:
        with socket.socket(socket.AF_UNIX, STREAM) as one:
            assert one.connect_ex("\0nobody-listens-here") == errno.ECONNREFUSED
        left, right = socket.socketpair()
        left.close()
        right.close()

    assert _alerts(live, action) == []
