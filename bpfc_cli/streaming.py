"""What commands share that go on until somebody ends them."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bpfc.artifact.alert import Alert


class AlertFormat(str, Enum):  # noqa: UP042  # typer shows the values of a str enum
    """How to print alerts."""

    TABLE = "table"
    JSON = "json"


def printer(form: AlertFormat) -> Callable[["Alert"], None]:
    """What prints one alert; the table's headings are printed at once.

    Args:
        form: how.
    """
    if form is AlertFormat.JSON:
        from bpfc.artifact.alert import to_json

        return lambda alert: print(to_json(alert))
    from bpfc_cli.alerts import for_stdout

    table = for_stdout()
    print(table.head(), flush=True)
    return lambda alert: print(table.row(alert))


@contextmanager
def ended_by_signals(stop: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C and SIGTERM end a command in good order.

    Args:
        stop: called from the signal handler.

    Yields:
        Whether a signal came.
    """
    came: list[int] = []

    def handle(number: int, _frame: object) -> None:
        came.append(number)
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say(words: str) -> None:
    """Print a line for people that is not a result.

    Args:
        words: one line, or several.
    """
    from bpfc.artifact.alert import printable

    print("\n".join(map(printable, words.split("\n"))), file=sys.stderr, flush=True)
