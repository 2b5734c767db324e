"""The syntax tree: what a file says, before names and types are looked at."""

from datetime import date

from attrs import frozen

from dsl.case_syntax import TestItem as TestItem
from dsl.condition_syntax import AddressProperty as AddressProperty
from dsl.condition_syntax import Alone as Alone
from dsl.condition_syntax import Ancestors as Ancestors
from dsl.condition_syntax import Calculation as Calculation
from dsl.condition_syntax import Call as Call
from dsl.condition_syntax import Comparison as Comparison
from dsl.condition_syntax import Condition as Condition
from dsl.condition_syntax import Conjunction as Conjunction
from dsl.condition_syntax import Disjunction as Disjunction
from dsl.condition_syntax import Flag as Flag
from dsl.condition_syntax import Negation as Negation
from dsl.condition_syntax import Part as Part
from dsl.condition_syntax import Presence as Presence
from dsl.condition_syntax import Relation as Relation
from dsl.condition_syntax import Signed as Signed
from dsl.literal_syntax import Broken as Broken
from dsl.literal_syntax import Literal as Literal
from dsl.literal_syntax import Literals as Literals
from dsl.literal_syntax import Name as Name
from dsl.literal_syntax import Network as Network
from dsl.literal_syntax import Number as Number
from dsl.literal_syntax import NumberRange as NumberRange
from dsl.literal_syntax import Text as Text
from dsl.set_syntax import Add as Add
from dsl.set_syntax import Membership as Membership
from dsl.set_syntax import SetItem as SetItem
from dsl.set_syntax import Tag as Tag
from dsl.set_syntax import Tagged as Tagged
from dsl.set_syntax import Untag as Untag
from dsl.span import Span


@frozen
class Metadata:
    """`key value` or `key [value, ...]`."""

    key: Name
    values: tuple[Literal, ...]
    span: Span


@frozen
class On:
    """`on EVENT or EVENT`."""

    events: tuple[Name, ...]
    span: Span


@frozen
class When:
    """`when CONDITION`."""

    condition: Condition
    span: Span


@frozen
class Confirm:
    """`confirm [on unknown] when CONDITION`.

    Args:
        condition: what the agent is to find before there is an alert.
        on_unknown: whether there is one too if it cannot find out.
        span: of the keyword.
    """

    condition: Condition
    on_unknown: bool
    span: Span


@frozen
class Exception_:
    """`except ["name"] [owner "text"] [until DATE] when CONDITION`, or `... from set NAME on ...`.

    Args:
        name: without it there are no details.
        condition: when the rule does not apply.
        span: of the keyword.
        details: who answers for it and the last day on which it is meant to be there, as written;
            each should stand there once.
        declares: the set that is declared in this place.
    """

    name: Text | None
    condition: Condition
    span: Span
    details: tuple["Owner | Until | Broken", ...] = ()
    declares: SetItem | None = None


@frozen
class Owner:
    """`owner "text"`."""

    value: Text
    span: Span


@frozen
class Until:
    """`until 2027-03-01`."""

    value: date
    span: Span


@frozen
class Key:
    """`by NAME` or `by (NAME, NAME)`."""

    names: tuple[Name, ...]
    span: Span


@frozen
class Limit:
    """`limit COUNT per TIME [by KEY]`."""

    count: Number | Broken
    per: Number | Broken
    key: Key | None
    span: Span


@frozen
class Alert:
    """`alert ["template"] [limit ...]`."""

    template: Text | None
    span: Span
    limit: Limit | None = None


@frozen
class Threshold:
    """`threshold COUNT [distinct FIELD] within TIME [by KEY]`."""

    count: Number | Broken
    distinct: Name | None
    within: Number | Broken
    key: Key | None
    span: Span


@frozen
class Step:
    """`[EVENT as ALIAS when CONDITION] by KEY`, a step of a sequence or what ends one.

    Args:
        event: the event's name.
        alias: None if it has none.
        condition: None without `when`: every event.
        key: None without `by`: all events alike.
        span: from bracket to bracket.
    """

    event: Name
    alias: Name | None
    condition: Condition | None
    key: Key | None
    span: Span


@frozen
class OnSequence:
    """`on sequence within TIME STEP STEP ... [until STEP]`; the time can be missing, by mistake."""

    within: Number | Broken | None
    steps: tuple[Step, ...]
    until: Step | None
    span: Span


@frozen
class Deny:
    """`deny [ERRNO] [on unknown] [else FALLBACK]`."""

    errno: Name | None
    on_unknown: bool
    fallback: Name | None
    span: Span


@frozen
class Kill:
    """`kill [proc[, proc.parent]]`."""

    targets: tuple[Name, ...]
    span: Span


@frozen
class Silent:
    """`silent`."""

    span: Span


@frozen
class Mode:
    """`mode audit`, of a rule or of the policy."""

    value: Name
    span: Span


@frozen
class NamedValue:
    """`name = FIELD` or `name = "text {field}"` in an `output`."""

    name: Name
    value: "Name | Text | Broken"
    span: Span


@frozen
class Output:
    """`output { name = FIELD, name = "text {field}" }`: what alerts also say."""

    values: tuple[NamedValue, ...]
    span: Span


@frozen
class Allow:
    """`allow BPFC0501, BPFC0502`, in a rule or for a file: warnings that are turned off."""

    codes: tuple[Name, ...]
    span: Span


Clause = (
    Metadata
    | On
    | OnSequence
    | When
    | Confirm
    | Exception_
    | Threshold
    | Alert
    | Deny
    | Kill
    | Add
    | Tag
    | Untag
    | Silent
    | Mode
    | Output
    | Allow
    | Broken
)


@frozen
class Version:
    """`version "1.4.0"`."""

    value: Text
    span: Span


@frozen
class Language:
    """`language 1`."""

    value: Number | Broken
    span: Span


HeaderPart = Version | Language | Mode | Broken


@frozen
class Header:
    """`policy "name" version "1.4.0" language 1`."""

    name: Text
    parts: tuple[HeaderPart, ...]
    span: Span


@frozen
class ListItem:
    """`list NAME = TERM + TERM - TERM`: values of lists and names, from left to right.

    Args:
        name: of the list.
        terms: what is added (True) or taken away (False); the first is added.
        span: from the keyword to the last term.
    """

    name: Name
    terms: tuple[tuple[bool, Name | Literals], ...]
    span: Span


@frozen
class Rule:
    """`rule NAME extends BASE { ... }`.

    Args:
        name: None if it was wrong.
        clauses: in source order.
        span: its first line, up to the name.
        base: the rule that it extends, or None.
        whole: from the keyword to the closing brace.
    """

    name: Name | None
    clauses: tuple[Clause, ...]
    span: Span
    base: Name | None
    whole: Span


@frozen
class Macro:
    """`macro NAME(parameter, ...) = CONDITION`; without parameters also without parentheses."""

    name: Name
    parameters: tuple[Name, ...]
    body: Condition
    span: Span


@frozen
class Include:
    """`include "path"`, relative to the file in which it stands."""

    path: Text
    span: Span


@frozen
class Override:
    """`override rule NAME { ... }`: clauses in the place of those of a rule.

    Args:
        name: of the rule, None if it was wrong.
        clauses: in source order.
        span: its first line, up to the name.
        whole: from the keyword to the closing brace.
    """

    name: Name | None
    clauses: tuple[Clause, ...]
    span: Span
    whole: Span


@frozen
class Disable:
    """`disable NAME`: a policy without this rule."""

    name: Name
    span: Span


Item = (
    Header
    | Include
    | ListItem
    | SetItem
    | Macro
    | Rule
    | Override
    | Disable
    | Allow
    | TestItem
    | Broken
)


@frozen
class File:
    """One source file.

    Args:
        name: its name.
        items: in source order.
        announced: names of all lists, sets and macros that the text seems to declare, also where
            the declaration itself was wrong, so that its uses are not reported too.
        headed: whether the text has something like a policy header.
        included: where another file includes this one; None of a file that the user named.
    """

    name: str
    items: tuple[Item, ...]
    announced: frozenset[str]
    headed: bool
    included: Span | None = None
