"""Random examples from a seed."""

from random import Random

from tests.oracle.oracles import Example
from tests.oracle.sources import Chance, Features, Writer
from tests.oracle.streams import START, Processes, stream

CONTENTS = (2, 4, 6, 8, 12, 16)
SETS = {"users": (1,), "nets": ("10.0.0.0/31",), "lines": ("x",)}


def features_of(chance: Random) -> Features:
    """Which features a policy has; most have few."""
    counting, sets, tags, sequences = (chance.randrange(5) < 2 for _ in range(4))
    ancestors, second_stages = chance.randrange(12) == 0, chance.randrange(4) == 0
    return Features(counting, sets, tags, sequences, ancestors, second_stages)


def example_of(shape: Random, contents: list[Random], events: int) -> Example:
    """An example.

    Args:
        shape: decides on the policies' shape.
        contents: each decides on one policy's content, and on what happens in its time.
        events: how many, in each policy's time.
    """
    features, state, sources, streams = features_of(shape), shape.getrandbits(64), [], []
    processes, time = Processes(features.ancestors), START
    for content in contents:
        sources.append(Writer(Chance(Random(state), content), features).source())
        found = stream(content, events, processes, time)
        time = found[-1].time
        streams.append(tuple(found))
    return Example(tuple(sources), tuple(streams), dict(SETS) if features.sets else {})


def example_from(seed: str, events: int) -> Example:
    """The example of a seed."""
    shape = Random(seed)
    contents = [Random(f"{seed} {number}") for number in range(shape.choice(CONTENTS))]
    return example_of(shape, contents, events)
