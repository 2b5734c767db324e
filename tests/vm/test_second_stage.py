"""What the agent finds out on each kernel: deleted programs by process, containers by cgroup id."""

import json
from pathlib import Path

from bpfc_cli.vm.machine import Machine

GUEST = "tests/vm/second_stage_guest.py"


def test_what_user_space_knows(machine: Machine) -> None:
    script = (Path(__file__).parents[2] / GUEST).read_bytes()
    result = machine.run(["python3", "-m", "tests.vm.second_stage_guest"], files={GUEST: script})
    assert result.exit_code == 0, result.stderr
    seen = json.loads(result.stdout)
    # By its id alone a cgroup is found where there is no older hierarchy beside it.
    assert seen.pop("by id") == (seen.pop("hierarchies") == 1)
    assert seen == {
        "deleted": True,
        "container": True,
        "user": "root",
        "gone": True,
        "removed": True,
    }
