"""All that a policy remembers between events."""

from collections.abc import Callable

from dsl.interpreter.ancestry import Ancestry
from dsl.interpreter.counting import Counting
from dsl.interpreter.following import Following
from dsl.interpreter.judgement import Part
from dsl.interpreter.sets import Sets
from dsl.interpreter.tags import Tags
from dsl.typed import Policy

# What counts comes first: whether a rule fires decides what it adds and tags.
PARTS: tuple[Callable[[Policy], Part], ...] = (Following, Counting, Sets, Tags, Ancestry)


def parts_of(policy: Policy) -> tuple[Part, ...]:
    """New parts, which remember nothing yet.

    Args:
        policy: a checked policy.
    """
    return tuple(part(policy) for part in PARTS)
