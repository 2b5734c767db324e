"""The gate's bits: a number that some rule matches is never ruled out."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bpfc.artifact.control import GATE_SIZE
from compiler.plan.planner import plan
from compiler.targets.common.address import AT_HAND
from compiler.targets.common.gate import gate_bits, gate_of
from dsl.frontend import check

PORTS = st.lists(
    st.tuples(st.integers(0, 65535), st.sampled_from([0, 0, 0, 1, 5, 1500])), min_size=1, max_size=5
).map(lambda found: [range(low, min(low + more, 65535) + 1) for low, more in found])


def _bits(ports: list[range]) -> int:
    listed = ", ".join(f"{r[0]}..{r[-1]}" for r in ports)
    rule = f"rule r {{ on net.connect when remote.port in [{listed}] alert }}"
    policy, diagnostics = check([("p.det", f'policy "p" version "1" language 1\n{rule}')])
    assert policy is not None, diagnostics
    planned, _ = plan(policy)
    assert planned is not None
    gate = gate_of(planned.events[0], AT_HAND)
    assert gate is not None and gate.field == "remote.port"
    return int.from_bytes(gate_bits(planned.events[0], gate), "little")


@settings(deadline=None, max_examples=50)
@given(PORTS)
def test_a_bit_is_set_for_each_remainder_of_a_value(ports: list[range]) -> None:
    size = 8 * GATE_SIZE
    wanted = 0
    for port in {port % size for one in ports for port in one}:
        wanted |= 1 << port
    assert _bits(ports) == wanted
