"""Typed run-time sets and tags: what a policy remembers by name, and what rules do to it.

Whether a field's value is in a set, and whether a process, a container or a file has a tag, are
derived values (`dsl.derived`) whose sources stand here.
"""

from attrs import frozen

from dsl.catalogue import Field, Kind
from dsl.span import Span

LONGEST_TEXT = 1024  # bytes of a text in a set; a longer text is in none
CAPACITY_MAX = 1 << 20
MEMBERS_MAX = 4  # of a tuple
SETS_MAX = 32  # of a policy
TAGS_MAX = 32  # of a policy, for each kind of subject
LIFETIME_MAX = 10 * 365 * 86_400 * 1_000_000_000  # ns: ten years

# Type of an element -> the fields that can be looked up.
SET_TYPES: dict[str, Kind] = {
    "string": Kind.STRING,
    "path": Kind.PATH,
    "ip": Kind.IP,
    "cidr": Kind.IP,
    "port": Kind.PORT,
    "int": Kind.INT,
}
# What can be tagged -> the kind of thing that it is.
SUBJECTS = {"proc": "proc", "proc.parent": "proc", "container": "container", "file": "file"}
# By which fields of the event it is told apart.
IDENTITY: dict[str, tuple[str, ...]] = {
    "proc": ("proc.pid", "proc.start_time"),
    "proc.parent": ("proc.ppid", "proc.parent.start_time"),
    "container": ("proc.cgroup_id",),
    "file": ("file.device", "file.inode"),
}


@frozen
class RuntimeSet:
    """A set that is filled while the policy runs.

    Args:
        name: unique among sets, lists and macros.
        members: types of an element's parts, keys of SET_TYPES; one, or several of a tuple.
        capacity: elements there is room for.
        lifetime: nanoseconds that an element stays if nothing else is said; 0 for ever.
        span: of the declaration.
    """

    name: str
    members: tuple[str, ...]
    capacity: int
    lifetime: int
    span: Span


@frozen
class Member:
    """`field in NAME`, `(field, field) in NAME`.

    Args:
        set: the set.
        fields: one for each part of an element.
    """

    set: RuntimeSet
    fields: tuple[Field, ...]

    @property
    def text(self) -> str:
        """Canonical text."""
        names = ", ".join(field.name for field in self.fields)
        return f"{f'({names})' if len(self.fields) > 1 else names} in {self.set.name}"


@frozen
class HasTag:
    """`proc tagged NAME`.

    Args:
        subject: key of SUBJECTS.
        tag: its name.
        fields: by which the subject is told apart.
    """

    subject: str
    tag: str
    fields: tuple[Field, ...]

    @property
    def text(self) -> str:
        """Canonical text."""
        return f"{self.subject} tagged {self.tag}"


@frozen
class Add:
    """`add FIELD to NAME for 10min`.

    Args:
        set: the set.
        fields: one for each part of an element, for each event of the rule the same names.
        lifetime: nanoseconds; 0 for ever.
        span: of the clause.
    """

    set: RuntimeSet
    fields: tuple[Field, ...]
    lifetime: int
    span: Span


@frozen
class Tag:
    """`tag proc NAME inherited for 10min`.

    Args:
        subject: key of SUBJECTS.
        tag: its name.
        fields: by which the subject is told apart.
        inherited: whether processes that it starts get the tag too.
        lifetime: nanoseconds; 0 until the process ends, of a container or a file for ever.
        span: of the clause.
    """

    subject: str
    tag: str
    fields: tuple[Field, ...]
    inherited: bool
    lifetime: int
    span: Span


@frozen
class Untag:
    """`untag proc NAME`."""

    subject: str
    tag: str
    fields: tuple[Field, ...]
    span: Span


Effect = Add | Tag | Untag
