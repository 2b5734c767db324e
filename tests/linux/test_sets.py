"""Run-time sets under a running policy: filled by the agent and by rules, kept over swaps."""

import errno
import time
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import pytest

from bpfc.runtime.errors import SensorError
from tests.linux.live import FILE, Live, active, compiled, names, open_sensor
from tests.linux.programs import connect, fork, wait

pytestmark = [pytest.mark.bpf, pytest.mark.root]

PORT = 40_321  # nobody listens there
RULES = """
set blocked : cidr[64]
set seen    : (ip, port)[64] for 1s
set shells  : path[16]
rule stop { on net.connect when remote.port == 40321 and remote.ip in blocked deny }
rule note { on net.connect when remote.port == 40322 add (remote.ip, remote.port) to seen silent }
rule again { on net.connect when (remote.ip, remote.port) in seen }
rule from_shell { on net.connect when remote.port == 40323 and proc.exe.path not in shells }
rule mark { on net.connect when remote.port == 40324 tag proc marked inherited silent }
rule marked { on net.connect when remote.port == 40325 and proc tagged marked }
"""


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with active(RULES) as one:
        yield one


def _tried(address: str, port: int = PORT) -> int:
    """The error that connecting ends with."""
    return connect(address, port)


def test_an_address_is_denied_from_the_moment_it_is_added(live: Live) -> None:
    blocked = live.sensor.sets["blocked"]
    assert _tried("127.9.0.1") == 0
    blocked.add("127.9.0.0/16")
    assert _tried("127.9.0.1") == errno.EPERM
    assert _tried("127.8.0.1") == 0
    assert "127.9.0.1" in blocked and "127.9.0.0/16" in blocked and "127.8.0.1" not in blocked
    blocked.remove("127.9.0.0/16")
    assert _tried("127.9.0.1") == 0
    with pytest.raises(KeyError):
        blocked.remove("127.9.0.0/16")


def test_replace_is_seen_at_once(live: Live) -> None:
    blocked = live.sensor.sets["blocked"]
    blocked.replace([ip_network("127.9.0.0/24"), "127.10.0.1/32"])
    blocked.replace(["127.10.0.1", "127.11.0.0/20", "::1"])
    assert set(blocked) == {
        ip_network("127.10.0.1/32"),
        ip_network("127.11.0.0/20"),
        ip_network("::1/128"),
    }
    assert len(blocked) == 3
    assert [_tried(a) for a in ("127.9.0.1", "127.10.0.1", "127.11.15.255", "127.11.16.0")] == [
        0,
        errno.EPERM,
        errno.EPERM,
        0,
    ]
    blocked.clear()
    assert len(blocked) == 0


def test_elements_have_an_end(live: Live) -> None:
    blocked = live.sensor.sets["blocked"]
    blocked.add("127.12.0.1/32", ttl=0.3)
    assert _tried("127.12.0.1") == errno.EPERM
    time.sleep(0.35)
    assert _tried("127.12.0.1") == 0
    assert "127.12.0.1" not in blocked and blocked.status().expired == 1
    assert blocked.sweep() == 1


def test_a_rule_adds_and_the_element_ends(live: Live) -> None:
    seen = live.sensor.sets["seen"]
    live.drain()
    _tried("127.13.0.1", 40322)
    assert not live.alerts()
    assert (ip_address("127.13.0.1"), 40322) in seen
    assert list(seen) == [(ip_address("127.13.0.1"), 40322)]
    _tried("127.13.0.1", 40322)
    assert names(live.alerts()) == {"again"}
    time.sleep(1.1)
    _tried("127.13.0.1", 40322)
    assert not live.alerts()
    assert seen.status().added == 1


def test_paths_in_both_spellings(live: Live) -> None:
    shells = live.sensor.sets["shells"]
    live.drain()
    _tried("127.14.0.1", 40323)
    (alert,) = live.alerts()
    path = str(alert.fields["proc.exe.path"])
    shells.add(path.removeprefix("/usr") if path.startswith("/usr/bin/") else path)
    _tried("127.14.0.1", 40323)
    assert not live.alerts()
    shells.clear()


def test_a_tag_goes_to_children(live: Live) -> None:
    def child() -> None:
        _tried("127.15.0.1", 40324)
        grandchild = fork(lambda: _tried("127.15.0.1", 40325) and None)
        wait(grandchild)

    live.drain()
    _tried("127.15.0.1", 40325)
    wait(fork(child))
    _tried("127.15.0.1", 40325)
    found = live.alerts()
    assert [alert.rule.name for alert in found] == ["marked"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("blocked", "127.0.0.1/8"),
        ("blocked", "nonsense"),
        ("blocked", 7),
        ("seen", "127.0.0.1"),
        ("seen", ("127.0.0.1", 70_000)),
        ("seen", ("127.0.0.1", "80")),
        ("shells", b"/bin/sh"),
        ("shells", "/" + "x" * 1100),
        ("shells", "/bin/\0sh"),
    ],
)
def test_what_is_not_of_its_type_is_refused(live: Live, name: str, value: object) -> None:
    with pytest.raises(SensorError, match="BPFC0721"):
        live.sensor.sets[name].add(value)  # type: ignore[arg-type]


def test_a_full_set_says_so(live: Live) -> None:
    shells = live.sensor.sets["shells"]
    with pytest.raises(SensorError, match="BPFC0722"):
        shells.update(f"/opt/{n}" for n in range(17))
    assert len(shells) == 16
    with pytest.raises(SensorError, match="BPFC0724"):
        shells.replace(["/opt/new"])
    assert len(shells) == 16
    shells.replace(["/opt/new"], atomic=False)
    assert list(shells) == ["/opt/new"]
    shells.clear()
    with pytest.raises(KeyError):
        live.sensor.sets["nothing"]


def test_room_is_given_back_while_alerts_are_read() -> None:
    small = "set few : port[4] for 200ms"
    rule = "rule r { on net.connect when remote.ip == 127.17.0.1 add remote.port to few silent }"
    with active(f"{small}\n{rule}") as live:
        few = live.sensor.sets["few"]
        for port in range(6):
            _tried("127.17.0.1", PORT + port)
        status = few.status()
        assert (status.elements, status.added, status.full) == (4, 4, 2)
        time.sleep(0.25)
        assert (len(few), few.status().expired) == (0, 4)
        live.alerts()
        assert few.status().expired == 0
        _tried("127.17.0.1", PORT + 9)
        assert list(few) == [PORT + 9]


def test_a_swap_carries_what_stays_the_same() -> None:
    with open_sensor() as live:
        live.sensor.activate(compiled(RULES), sets={"blocked": ["127.16.0.0/16"]})
        blocked, shells = live.sensor.sets["blocked"], live.sensor.sets["shells"]
        assert _tried("127.16.0.1") == errno.EPERM
        report = live.use(
            RULES.replace("shells  : path[16]", "shells : path[32]") + "rule more "
            "{ on net.connect when remote.port == 1 }"
        )
        assert "set blocked" in report.carried and "tags proc" in report.carried
        assert report.fresh == ("set shells",) and report.dropped == ("set shells",)
        assert _tried("127.16.0.1") == errno.EPERM
        assert "127.16.0.0/16" in blocked
        shells.add("/opt/x")
        with pytest.raises(SensorError, match="BPFC0723"):
            live.sensor.activate(compiled(RULES), sets={"other": []})
        live.use("rule none { on net.connect when remote.port == 1 }")
        with pytest.raises(SensorError, match="BPFC0723"):
            blocked.add("127.0.0.1/32")
    assert FILE
