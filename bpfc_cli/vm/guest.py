"""What runs inside a guest for `bpfc verify --kernel`: python3 -m bpfc_cli.vm.guest verify FILE.

Prints one JSON object: {"rows": [...]}, each row with the fields of `bpfc_cli.vm.matrix.Row`.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bpfc.artifact.container import open_artifact
from bpfc.artifact.errors import ArtifactError
from bpfc.runtime.errors import SensorError
from runtime_linux.platform import LinuxPlatform

USAGE = 2


def verify(data: bytes) -> list[dict[str, Any]]:
    """Let the running kernel's verifier look at an artifact.

    Args:
        data: the artifact.

    Returns:
        A row for each program; or one row, with the diagnostic, if anything was refused.
    """
    try:
        artifact = open_artifact(data)
        platform = LinuxPlatform()
        try:
            reports = platform.verify(artifact)
        finally:
            platform.close()
    except (ArtifactError, SensorError) as error:
        return [
            {
                "outcome": "refused",
                "code": error.code,
                "message": error.message,
                "remedy": error.remedy,
                "file": getattr(error, "file", ""),
                "line": getattr(error, "line", 0),
            }
        ]
    return [
        {
            "outcome": "verified",
            "program": report.name,
            "hook": report.hook,
            "instructions": report.instructions,
        }
        for report in reports
    ]


def main(arguments: Sequence[str]) -> int:
    """Carry out a command line.

    Args:
        arguments: "verify" and a file.

    Returns:
        Exit code: 0, whatever the verifier says; 2 for another command line.
    """
    match arguments:
        case ["verify", file]:
            print(json.dumps({"rows": verify(Path(file).read_bytes())}))
            return 0
    print("usage: python3 -m bpfc_cli.vm.guest verify FILE", file=sys.stderr)
    return USAGE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
