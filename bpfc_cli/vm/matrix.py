"""`bpfc verify --kernel`: an artifact before the verifiers of several kernels."""

import json

from attrs import frozen

from bpfc_cli.vm.errors import VmError
from bpfc_cli.vm.machine import Machine
from bpfc_cli.vm.table import KERNELS

__all__ = ["KERNELS", "Row", "Verdict", "verify_in", "verify_on"]

VERIFY_TIMEOUT_S = 300.0  # a program at the verifier's limit takes some 30 s under emulation
FILE = "bpfc-verify.o"


@frozen
class Row:
    """One program before one kernel's verifier, or the reason why nothing was loaded.

    Args:
        outcome: "verified" or "refused".
        program: its name; "" in the row that says why nothing was loaded.
        hook: for example "exec".
        instructions: instructions the verifier walked through; 0 if it did not say.
        code, message, remedy, file, line: the diagnostic, where it was refused.
    """

    outcome: str
    program: str = ""
    hook: str = ""
    instructions: int = 0
    code: str = ""
    message: str = ""
    remedy: str = ""
    file: str = ""
    line: int = 0


@frozen
class Verdict:
    """What one kernel says.

    Args:
        kernel: the series that was asked for.
        release: the kernel that answered, for example "6.1.0-50-cloud-amd64".
        rows: one a program, or one diagnostic.
    """

    kernel: str
    release: str
    rows: tuple[Row, ...]

    @property
    def accepted(self) -> bool:
        """Whether all of it was verified."""
        return all(row.outcome == "verified" for row in self.rows)


def verify_in(machine: Machine, artifact: bytes) -> Verdict:
    """Ask the kernel of a machine that runs.

    Args:
        machine: which.
        artifact: the artifact's bytes.

    Returns:
        What it says.

    Raises:
        VmError: BPFC0812 or BPFC0815, the machine failed; BPFC0816, the check itself did.
    """
    result = machine.run(
        ["python3", "-m", "bpfc_cli.vm.guest", "verify", FILE],
        files={FILE: artifact},
        timeout=VERIFY_TIMEOUT_S,
    )
    try:
        rows = tuple(Row(**row) for row in json.loads(result.stdout)["rows"])
    except (ValueError, TypeError, KeyError):
        raise VmError(
            "BPFC0816",
            f"the check on kernel {machine.series} gave no answer, exit code {result.exit_code}",
            "report this with the lines above",
            result.stderr.strip(),
        ) from None
    return Verdict(machine.series, result.kernel_release, rows)


def verify_on(series: str, artifact: bytes) -> Verdict:
    """Boot a kernel and ask it.

    Args:
        series: for example "6.1".
        artifact: the artifact's bytes.

    Returns:
        What it says.

    Raises:
        VmError: as `Machine` and `verify_in`.
    """
    with Machine(series) as machine:
        return verify_in(machine, artifact)
