"""Each mutant in a process of its own."""

import json
import os
import sys
import time
import traceback

from attrs import frozen

from tests.mutants.breaking import Mutant, break_it


@frozen
class Caught:
    """What became of a mutant.

    Args:
        by: what noticed it; "" if nothing did.
        seconds: that it took.
    """

    by: str
    seconds: float


def run(mutant: Mutant) -> Caught:
    """Have a child import the broken compiler, and see whether anything notices.

    Args:
        mutant: the break.

    Raises:
        RuntimeError: the child ended without an answer.
    """
    begun = time.monotonic()
    reader, writer = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        # Nothing of the parent's may run here: no exit handlers, no flushing of its files.
        try:
            os.close(reader)
            answer = _answer(mutant)
            with os.fdopen(writer, "w") as file:
                json.dump(answer, file)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    os.waitpid(child, 0)
    answer = json.loads(text) if text else {"error": "the child died"}
    if "error" in answer:
        raise RuntimeError(f"{mutant.name}: {answer['error']}")
    return Caught(answer["by"], time.monotonic() - begun)


def _answer(mutant: Mutant) -> dict[str, str]:
    try:
        break_it(mutant)
        from tests.mutants.judging import noticed  # with the break in everything it imports

        return {"by": noticed(mutant)}
    except Exception:
        return {"error": traceback.format_exc()}
