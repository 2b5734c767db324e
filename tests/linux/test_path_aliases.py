"""Path literals mean both spellings of a merged directory; `exact` means one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.linux.live import Live, active, names
from tests.linux.programs import mount, own_mounts, parent_is_this_process, pivot, run

pytestmark = [pytest.mark.bpf, pytest.mark.root]

# Literals by rule: the operator and what stands behind it.
TESTS = {
    "short": '== "/bin/tool"',
    "long": '== "/usr/bin/tool"',
    "short_exact": '== "/bin/tool" exact',
    "long_exact": '== "/usr/bin/tool" exact',
    "under_short": 'under "/bin"',
    "under_long": 'under "/usr/bin/"',
    "under_exact": 'under "/bin" exact',
    "starts_short": 'startswith "/bin/t"',
    "starts_exact": 'startswith "/bin/t" exact',
    "folded": '== "/BIN/TOOL" nocase',
    "run_short": '== "/run/tool"',
    "run_long": '== "/var/run/tool"',
    "contains": 'contains "/bin/tool"',
    "ends": 'endswith "/usr/bin/tool"',
    "listed": 'in ["/sbin/tool", "/lib64/tool"]',
    "neighbour": 'under "/usr/bi"',
}


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """A rule for each of TESTS."""
    mine = parent_is_this_process()
    rules = "\n".join(
        f"rule {name} {{ on process.exec when {mine} and proc.exe.path {test} alert }}"
        for name, test in TESTS.items()
    )
    with active(rules) as one:
        yield one


@pytest.mark.parametrize(
    ("path", "fired"),
    [
        (
            "/usr/bin/tool",
            "short long long_exact under_short under_long starts_short contains ends",
        ),
        (
            "/bin/tool",
            "short long short_exact under_short under_long under_exact starts_short starts_exact"
            " contains",
        ),
        ("/run/tool", "run_short run_long"),
        ("/var/run/tool", "run_short run_long"),
        ("/usr/sbin/tool", "listed"),
        ("/sbin/tool", "listed"),
        ("/usr/lib64/tool", "listed"),
        ("/usr/binary/tool", ""),
        ("/opt/usr/bin/tool", "contains ends"),
        ("/BIN/tool", ""),
    ],
)
def test_a_program_at(path: str, fired: str, live: Live, place: Path, busybox: Path) -> None:
    program = busybox.read_bytes()

    def prepare() -> None:
        """A root of the test's own in which nothing is merged."""
        own_mounts()
        mount("tmpfs", place, "tmpfs")
        inside = Path(f"{place}{path}")
        inside.parent.mkdir(parents=True)
        inside.write_bytes(program)
        inside.chmod(0o755)
        pivot(place)

    found = names(live.during(lambda: run(path, ["true"], prepare)))
    expected = set(fired.split())
    if path.lower() in ("/bin/tool", "/usr/bin/tool"):
        expected.add("folded")
    assert found == expected
