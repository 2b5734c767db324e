"""The entry point of `bpfc`: runs a command and turns whatever ends it into an exit code.

Nothing here or above the commands' own functions imports the compiler, a runtime or rich, so that
`bpfc --version` and every error start fast.
"""

import errno
import gc
import os
import sys
import traceback
from collections.abc import Sequence

from bpfc_cli import exits, known
from bpfc_cli.problems import Problem
from bpfc_cli.render import show

MISSING_EXTRA = (
    'The command line needs two more packages: install them with  pip install "bpfc[cli]"'
    '  (or "bpfc[cli,compiler]" to compile rules as well).'
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        argv: its words without the program's name; by default those of the process.

    Returns:
        The exit code, one of `bpfc_cli.exits`.
    """
    # A command makes many values that live to its end: collecting them now and then only costs time
    # (30 of 600 ms of a compilation).
    gc.set_threshold(200_000, 50, 50)
    try:
        from bpfc_cli.app import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("typer", "rich"):
            raise
        print(MISSING_EXTRA, file=sys.stderr)
        return exits.CANNOT
    try:
        code = guarded(lambda: run(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_left()
    return code


def guarded(command: "known.Command") -> int:
    """Run a command; whatever it raises becomes diagnostics and an exit code.

    Args:
        command: what to run.

    Returns:
        Its own exit code, or the one that fits what it raised.

    Raises:
        BrokenPipeError: the reader of standard output has closed it.
    """
    try:
        return command()
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except exits.Stop as stop:
        show(stop.problems)
        return stop.code
    except SystemExit as end:
        if isinstance(end.__context__, OSError) and end.__context__.errno == errno.EPIPE:
            raise BrokenPipeError from end  # typer has swallowed it
        return end.code if isinstance(end.code, int) else exits.OK
    except Exception as error:  # the last line of defence, by design
        ending = known.stop_of(error) or _internal(error)
        show(ending.problems)
        return ending.code


def _internal(error: Exception) -> exits.Stop:
    """What to say of an error that nobody expected."""
    if os.environ.get("BPFC_DEBUG"):
        traceback.print_exc()
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = (
        f" in {last[0].name} ({os.path.basename(last[0].filename)}:{last[0].lineno})"
        if last
        else ""
    )
    return exits.Stop(
        exits.INTERNAL,
        Problem(
            code="BPFC0999",
            message=f"internal error: {type(error).__name__}: {error}{place}",
            remedy="this is a bug in bpfc: please report it with the command, the rules and what "
            "the same command prints with BPFC_DEBUG=1 in its environment",
        ),
    )


def _reader_left() -> int:
    """The reader of our output closed it (`| head`): end without a word."""
    # The interpreter flushes stdout once more on exit; let that go nowhere.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    return exits.OK


if __name__ == "__main__":
    sys.exit(main())
