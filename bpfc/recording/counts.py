"""What a recording says of events that are not in it."""

import json

from attrs import asdict, frozen

from bpfc.recording.header import parse_object

# Counters of the programs (bpfc.artifact.control.COUNTERS) that stand for events without a record.
LOST_COUNTERS = ("no_policy", "empty_slot", "no_scratch", "ring_full")


@frozen
class Counts:
    """Counts since recording began.

    Args:
        events: records that were written.
        lost: events that are missing, by counter of the programs, and "hook NAME" for runs that the
            system skipped; those at zero are left out.
        doubtful: other counters that are not zero: events that are there, with something unknown.
        malformed: records that could not be read.
    """

    events: int
    lost: dict[str, int]
    doubtful: dict[str, int]
    malformed: int


def counts_bytes(counts: Counts) -> bytes:
    """Counts as they stand in the file: JSON, UTF-8.

    Args:
        counts: the counts.
    """
    return json.dumps(asdict(counts), sort_keys=True, separators=(",", ":")).encode()


def parse_counts(data: bytes) -> Counts | None:
    """Read counts.

    Args:
        data: JSON as `counts_bytes` writes it.

    Returns:
        The counts; None if it is something else.
    """
    try:
        value = parse_object(data)
        lost, doubtful = _numbers(value["lost"]), _numbers(value["doubtful"])
        return Counts(int(value["events"]), lost, doubtful, int(value["malformed"]))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _numbers(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        raise ValueError("no object")
    return {str(name): int(number) for name, number in value.items()}
