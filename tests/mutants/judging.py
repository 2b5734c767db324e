"""What has to notice that the compiler is broken. Runs in a child, with the break in it."""

import contextlib
import io
from collections.abc import Iterator

import pytest

from bpfc.simulator import Fault, SimulatedCore
from tests.language.play import play
from tests.language.results import ALL, compare, compiled
from tests.mutants.breaking import Mutant
from tests.mutants.examples import examples
from tests.oracle.examples import example_from
from tests.oracle.oracles import CannotCompile, differences

SEEDS = 12  # random examples that are tried in the end
EVENTS = 40


def noticed(mutant: Mutant) -> str:
    """What notices it, as text; "" if nothing does.

    Args:
        mutant: what this process has imported.
    """
    if mutant.tests:
        return _by_tests(mutant.tests)
    return next(_by_comparison(mutant), "")


def _by_tests(names: tuple[str, ...]) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = pytest.main(["-q", "-x", "-p", "no:cacheprovider", *names])
    return f"tests: {names[0]}" if code == pytest.ExitCode.TESTS_FAILED else ""


def _by_comparison(mutant: Mutant) -> Iterator[str]:
    known = examples()
    for name in sorted(known, key=lambda name: name not in mutant.examples):
        if name in mutant.examples and next(differences(known[name], kernel=False), None):
            yield f"example {name}"
    for name in sorted(ALL, key=lambda name: name not in mutant.cases):
        if _differs(name):
            yield f"case {name.removeprefix('cases/')}"
    for number in range(SEEDS):
        with contextlib.suppress(CannotCompile):
            found = next(differences(example_from(f"mutants {number}", EVENTS), kernel=False), None)
            if found is not None:
                yield f"seed {number}, {found.oracle}"


def _differs(name: str) -> bool:
    """Whether a case comes to something else than it says."""
    try:
        compare(name, play(compiled(name), SimulatedCore))
    except (AssertionError, Fault):
        return True
    return False
