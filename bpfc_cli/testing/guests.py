"""Tests judged by the core in a virtual machine's kernel."""

import pickle
from base64 import b64decode
from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from bpfc_cli.testing.cases import Result
from bpfc_cli.testing.coverage import Coverage
from bpfc_cli.testing.play import Played, Work
from bpfc_cli.vm.errors import VmError

if TYPE_CHECKING:
    from bpfc_cli.testing.runner import Job
    from bpfc_cli.vm.machine import Machine

TIMEOUT_S = 600.0  # of all tests of a policy
_COMMAND = ["python3", "-c", "from bpfc_cli.testing.play import main; main()"]


def run(job: "Job", numbers: Sequence[int]) -> tuple[list[Result], Coverage]:
    """Boot a kernel and have it judge tests.

    Args:
        job: what is to be run; its judge is a kernel of the table.
        numbers: of the tests, in the policy.

    Returns:
        What became of them, and what they reached.

    Raises:
        VmError: the machine does not boot, or does not answer.
    """
    from bpfc_cli.vm.machine import Machine

    cases = job.cases()
    chosen = [job.policy.cases[number] for number in numbers]
    prepared = [cases.work_of(case) for case in chosen]
    # The file itself is not needed; a guest gets the object.
    artifact = evolve(job.artifact, data=b"")
    with Machine(job.judge) as machine:
        works = [evolve(each.work, artifact=artifact) for each in prepared]
        played = play_in(machine, works)
    triples = zip(chosen, prepared, played, strict=True)
    return [cases.result(case, each, found) for case, each, found in triples], cases.reached


def play_in(machine: "Machine", works: Sequence[Work]) -> list[Played]:
    """Have a machine that runs play works.

    Args:
        machine: which.
        works: what to play.

    Returns:
        What became of them.

    Raises:
        VmError: BPFC0812 or BPFC0815, the machine failed; BPFC0816, what runs in it did.
    """
    result = machine.run(_COMMAND, stdin=pickle.dumps(list(works)), timeout=TIMEOUT_S)
    try:
        found: list[Played] = pickle.loads(b64decode(result.stdout))
    except (ValueError, EOFError, pickle.UnpicklingError) as error:
        raise VmError(
            "BPFC0816",
            f"the tests did not run on kernel {machine.series} (exit code {result.exit_code})",
            "the notes are what they said; please report this",
            detail=result.stderr,
        ) from error
    return found
