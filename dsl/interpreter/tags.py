"""Tags in the reference interpreter (docs/language.md, Tags)."""

from collections.abc import Iterable

from attrs import evolve, frozen

from dsl.catalogue import Field
from dsl.derived import Derived
from dsl.interpreter.judgement import Judgement
from dsl.interpreter.outcome import Event
from dsl.membership import IDENTITY, SUBJECTS, HasTag, Tag, Untag
from dsl.semantics import UNKNOWN, FieldValue, Record, State, value_of
from dsl.typed import Policy
from dsl.walk import rule_tests

NEVER = 0  # the end of a tag's life that has none
# What is tagged: its kind and the values that tell it apart.
Thing = tuple[str, tuple[FieldValue, ...]]


@frozen
class Given:
    """A tag on something.

    Args:
        end: nanoseconds since boot at which it is gone, or NEVER.
        inherited: whether processes that the thing starts get it too.
    """

    end: int
    inherited: bool


class Tags:
    """The tags of a policy and what has them; there is room for any number of things.

    Args:
        policy: a checked policy.
    """

    def __init__(self, policy: Policy) -> None:
        self.given: dict[Thing, dict[str, Given]] = {}
        self._gone: Thing | None = None
        self.revised(policy)

    def revised(self, policy: Policy) -> None:
        """What is tagged stays so."""
        self.questions = _questions(policy)

    def facts(self, event: Event, record: Record) -> Record:
        """The answers to all questions of rules about tags, by their text."""
        if self._gone is not None:
            self.given.pop(self._gone, None)
            self._gone = None
        if event.name == "process.fork":
            self._inherit(record)
        if event.name == "process.exit":
            self._gone = _named("proc", record)  # after the rules have seen it
        found: dict[str, FieldValue] = {}
        for name, question in self.questions.items():
            try:
                thing = _thing(question.subject, question.fields, record)
            except KeyError:
                continue  # not on this event
            if thing is None:
                found[name] = UNKNOWN
            else:
                found[name] = int(question.tag in self._alive(thing, event.time))
        return found

    def judged(self, judgement: Judgement, event: Event, record: Record) -> Judgement:
        """Tag and untag; it shows from the next event on."""
        for effect in judgement.rule.effects if judgement.acts else ():
            if not isinstance(effect, Tag | Untag):
                continue
            thing = _thing(effect.subject, effect.fields, record)
            if thing is None:
                continue
            tags = self.given.setdefault(thing, {})
            if isinstance(effect, Untag):
                tags.pop(effect.tag, None)
                continue
            end = event.time + effect.lifetime & ~1 if effect.lifetime else NEVER
            before = self._alive(thing, event.time).get(effect.tag)
            given = Given(end, effect.inherited)
            tags[effect.tag] = given if before is None else _longer(before, given)
        return judgement

    def _alive(self, thing: Thing, now: int) -> dict[str, Given]:
        known = self.given.get(thing, {})
        return {name: tag for name, tag in known.items() if tag.end == NEVER or now < tag.end}

    def _inherit(self, record: Record) -> None:
        """A new process has the inherited tags of its parent, and no others."""
        parent, child = _named("proc.parent", record), _named("proc", record)
        if parent is not None and child is not None:
            tags = self.given.get(parent, {})
            self.given[child] = {name: tag for name, tag in tags.items() if tag.inherited}


def _longer(before: Given, given: Given) -> Given:
    """A tag that is given again: it lives as long as either, and is inherited if either is."""
    end = NEVER if NEVER in (before.end, given.end) else max(before.end, given.end)
    return evolve(given, end=end, inherited=before.inherited or given.inherited)


def _questions(policy: Policy) -> dict[str, HasTag]:
    """What conditions ask of tags, by its text."""
    fields = (test.field for _, rule in policy.parts for test in rule_tests(rule))
    asked = (field for field in fields if isinstance(field, Derived))
    return {f.name: f.source for f in asked if isinstance(f.source, HasTag)}


def _thing(subject: str, fields: Iterable[Field], record: Record) -> Thing | None:
    """What is meant on this event; None if that is unknown."""
    values = tuple(value_of(field, record) for field in fields)
    return None if any(isinstance(v, State) for v in values) else (SUBJECTS[subject], values)


def _named(subject: str, record: Record) -> Thing | None:
    """As `_thing`, by the names of its fields."""
    values = tuple(record.get(name, UNKNOWN) for name in IDENTITY[subject])
    return None if any(isinstance(v, State) for v in values) else (SUBJECTS[subject], values)
