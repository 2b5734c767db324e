"""`python -m tests.mutants [NAME ...]`: every mutant, or some of them."""

import sys
from collections.abc import Sequence

from tests.mutants.breaking import mutants
from tests.mutants.running import run


def main(names: Sequence[str]) -> int:
    """Run mutants and print a table.

    Args:
        names: of mutants; all without any.

    Returns:
        0; 1 if one of them was not noticed; 2 if there is no such mutant.
    """
    known = mutants()
    if unknown := sorted(set(names) - known.keys()):
        print(f"no mutant is called {', '.join(unknown)}", file=sys.stderr)
        return 2
    survivors = []
    for name in names or known:
        caught = run(known[name])
        if not caught.by:
            survivors.append(name)
        print(f"{name:<28} {caught.by or 'NOTICED BY NOTHING':<44} {caught.seconds:6.1f} s")
        sys.stdout.flush()
    print(f"{len(names or known) - len(survivors)} of {len(names or known)} noticed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
