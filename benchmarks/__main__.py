"""The command line: `python -m benchmarks NAME [--json]`."""

import argparse
import json
import sys
from collections.abc import Sequence

from benchmarks import compiling, differential, event, importing, swap, testing
from benchmarks.report import Failed, table

MODULES = {
    "swap": swap,
    "compile": compiling,
    "event": event,
    "differential": differential,
    "import": importing,
    "test": testing,
}
EXIT_FAILED = 1
EXIT_CANNOT = 3  # this machine cannot run it, as bpfc itself says it


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("benchmarks", description=__doc__)
    names = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name, module in MODULES.items():
        own = names.add_parser(name, help=(module.__doc__ or "").partition("\n")[0])
        own.add_argument("--json", action="store_true", help="print one JSON object")
        module.arguments(own)
        own.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one benchmark.

    Args:
        argv: words of the command line without the program's name; by default the process's own.

    Returns:
        0; EXIT_FAILED if the result shows a defect (an event missed or judged twice); EXIT_CANNOT
        if this machine cannot run it.
    """
    options = _parser().parse_args(argv)
    try:
        result = options.run(options)
    except Failed as reason:
        print(reason, file=sys.stderr)
        return EXIT_CANNOT
    print(json.dumps(result, indent=2) if options.json else table(result))
    return EXIT_FAILED if result.get("defects") else 0


if __name__ == "__main__":
    sys.exit(main())
