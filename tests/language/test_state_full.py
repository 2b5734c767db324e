"""What happens where state has no room: it is counted, and no rule takes what another one needs."""

from collections.abc import Iterator, Sequence

import pytest

from compiler.plan import state
from dsl.frontend import check
from dsl.interpreter import Event
from tests.language.fixture import record
from tests.language.kernel import outcomes, work
from tests.language.play import play

pytestmark = pytest.mark.bpf
FIRED, SUPPRESSED, EVICTED, SKIPPED = 0, 4, 5, 6


@pytest.fixture(autouse=True)
def one_set(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A table of eight places."""
    monkeypatch.setattr(state, "SETS_MIN", 1)
    yield


def connections(pids: Sequence[int], port: int, second: int = 1) -> list[Event]:
    fields = record("net.connect", {"remote.port": port})
    return [Event("net.connect", second * 10**9, {**fields, "proc.pid": pid}) for pid in pids]


def judged(rules: str, events: list[Event]) -> tuple[list[int], tuple[tuple[int, ...], ...]]:
    """Alerts by event, and the rules' counters."""
    policy, problems = check([("full.det", f'policy "full" version "1" language 1\n{rules}')])
    assert policy is not None, problems
    made = work(policy, events)
    played = play(made)
    return [len(outcome.alerts) for outcome in outcomes(made, played)], played.statistics


LIMIT = "rule a { on net.connect when remote.port == 1 alert limit 1 per 10s by proc }\n"
THRESHOLD = "rule b { on net.connect when remote.port == 2 threshold 2 within 1min by proc }\n"


def test_the_ninth_key_takes_the_place_of_the_first() -> None:
    events = connections(range(8), 1) + connections([8], 1, 2) + connections([0, 8], 1, 2)
    alerts, counts = judged(LIMIT, events)
    assert alerts == [1] * 8 + [1] + [1, 0]
    assert counts[0][FIRED] == 10 and counts[0][SUPPRESSED] == 1 and counts[0][EVICTED] == 2


def test_expired_keys_are_no_loss() -> None:
    alerts, counts = judged(LIMIT, connections(range(8), 1) + connections(range(8, 16), 1, 20))
    assert alerts == [1] * 16 and counts[0][EVICTED] == 0


def test_a_flood_makes_a_rule_forget_its_own_keys_only() -> None:
    flood = connections(range(100, 150), 1, 2)
    events = [*connections([7], 2), *flood, *connections([7], 2, 3)]
    alerts, counts = judged(LIMIT + THRESHOLD, events)
    assert alerts[0] == 0 and alerts[-1] == 1
    assert counts[0][EVICTED] == 50 - 7 and counts[1][EVICTED] == 0


def test_a_new_key_gets_a_place_among_those_of_others() -> None:
    flood = connections(range(100, 108), 1, 2)
    alerts, counts = judged(LIMIT + THRESHOLD, [*flood, *connections([7, 7], 2, 3)])
    assert alerts[-1] == 1 and counts[1][EVICTED] == 1


def test_more_rules_on_an_event_than_fit_are_counted() -> None:
    rules = "".join(
        f"rule r{n} {{ on net.connect when remote.port == 1 alert limit 9 per 1s }}\n"
        for n in range(state.PENDING_MAX + 3)
    )
    alerts, counts = judged(rules, connections([1], 1))
    assert alerts == [state.PENDING_MAX]
    assert [count[SKIPPED] for count in counts] == [0] * state.PENDING_MAX + [1] * 3
