"""Random policies as text.

What a policy is made of comes from two sources of chance: one decides on its shape (rules, fields,
operators, keys, how many values), the other one on its content (constants, times, actions). So two
policies of one shape and different contents are, as a rule, an update that changes content only.
"""

from collections.abc import Sequence
from random import Random

from attrs import field, frozen

from tests.oracle.conditions import Conditions

HEADER = 'policy "random" version "1" language 1\n'
SETS = "set users : int[16]\nset hosts : ip[16] for 1s\nset nets : cidr[16]\n"
SETS += "set pairs : (int, path)[16]\nset lines : string[16]\n"
EVENTS = ("process.exec", "process.fork", "process.exit", "net.connect", "file.open")
DENIABLE = ("process.exec", "net.connect", "file.open")
TIMES = ("1s", "1s", "500ms", "1min", "30s")
# The steps of a sequence have keys of one kind each.
SEQUENCE_KEYS = (
    ("by proc", "by proc.parent"),
    ("by container",),
    ("by (proc.uid, container)",),
    ("by (proc, proc.uid, proc.gid)",),
    ("",),
)
KEYS = ("", "by proc", "by proc.parent", "by container", "by proc.uid", "by (proc, proc.uid)")
CONNECT_KEYS = ("by remote.ip", "by (proc, remote.ip)", "by (proc.uid, remote.ip, remote.port)")
TAGS = (
    'rule gives0 { on process.exec when proc.exe.name == "b" tag proc t0 silent }',
    "rule gives1 { on process.exec when proc.uid == 2 tag proc t1 inherited silent }",
    "rule gives2 { on process.exec when proc.ppid == 3 tag container t2 silent }",
    "rule gives3 { on file.open when open.access == write tag file t3 silent }",
)


@frozen
class Features:
    """What random policies use besides conditions and actions."""

    counting: bool = False
    sets: bool = False
    tags: bool = False
    sequences: bool = False
    ancestors: bool = False
    second_stages: bool = False


@frozen
class Chance:
    """Where decisions come from.

    Args:
        shape: which rules there are and what they are made of.
        content: which constants stand in them, and what they do.
    """

    shape: Random
    content: Random


@frozen
class Source:
    """A policy's text in pieces, each of which can be left out.

    Args:
        head: what comes before the rules.
        rules: the rules.
    """

    head: str
    rules: tuple[str, ...]

    @property
    def text(self) -> str:
        """The whole of it."""
        return "\n".join([self.head, *self.rules]) + "\n"


@frozen
class Writer:
    """Writes policies.

    Args:
        chance: where decisions come from.
        features: what policies use.
    """

    chance: Chance
    features: Features
    conditions: Conditions = field(init=False)

    @conditions.default
    def _conditions(self) -> Conditions:
        have = self.features
        return Conditions(
            self.chance.shape, self.chance.content, have.sets, have.tags, have.ancestors
        )

    def source(self) -> Source:
        """A policy of a few rules; a few policies have many."""
        shape = self.chance.shape
        count = shape.choice((1, 1, 2, 2, 2, 3, 3, 4, 5, 7))
        rules = [self.rule(f"r{number}") for number in range(count)]
        if shape.randrange(40) == 0:
            rules += self.crowd(shape.choice((35, 70, 140)))
        have = self.features
        rules += TAGS if have.tags else ()
        if have.sequences:
            rules += [self.sequence(f"q{number}") for number in range(shape.choice((0, 0, 1, 2)))]
        head = HEADER + (SETS if have.sets else "")
        return Source(head, tuple(rules))

    def rule(self, name: str) -> str:
        """A rule on one event or two."""
        shape = self.chance.shape
        on = shape.sample(EVENTS, shape.choice((1, 1, 1, 2)))
        text = f"on {' or '.join(on)} when {self.conditions.condition(on)}"
        for _ in range(shape.choice((0, 0, 0, 1, 1, 2))):
            text += f" except when {self.conditions.condition(on, 2)}"
        if self.features.second_stages and shape.randrange(2) == 0:
            unknown = shape.choice(("", " on unknown"))
            text += f" confirm{unknown} when {self.conditions.second_stage(on)}"
            return f"rule {name} {{ {text} {self.chance.content.choice(('', 'mode audit'))} }}"
        return f"rule {name} {{ {text} {self.clauses(on)} }}"

    def crowd(self, count: int) -> list[str]:
        """Many plain rules on one event, many of which an event can satisfy."""
        content = self.chance.content
        tests = ("proc.uid <= {}", "proc.gid == {}", "remote.port >= {}", "proc.uid != {}")
        acts = ("", "", "deny", "mode audit deny")
        found = []
        for number in range(count):
            when = tests[number % 4].format(content.randrange(4))
            does = content.choice(acts)
            found.append(f"rule c{number} {{ on net.connect when {when} {does} }}")
        return found

    def clauses(self, on: Sequence[str]) -> str:
        """What a rule does."""
        shape, content, have = self.chance.shape, self.chance.content, self.features
        found = []
        if set(on) <= set(DENIABLE):
            found.append(content.choice(("", "", "deny", "deny EPERM")))
            if shape.randrange(5) == 0:
                found[-1] = "deny on unknown"
        if "process.exit" not in on and shape.randrange(3) == 0:
            found.append(content.choice(("kill", "kill proc.parent", "kill proc, proc.parent")))
        if have.counting:
            found += self._counted(on)
        if have.sets:
            found.append(self._added(on))
        if have.tags:
            found.append(self._tagged(on))
        verbs = ("deny", "kill", "add", "tag", "untag")
        acts = any(clause.startswith(verbs) for clause in found)
        alerts = any(clause.startswith("alert") for clause in found)
        found.append(content.choice(("", "", "silent")) if acts and not alerts else "")
        found.append(content.choice(("", "", "", "mode audit")))
        return " ".join(clause for clause in found if clause)

    def _counted(self, on: Sequence[str]) -> list[str]:
        shape, content, found = self.chance.shape, self.chance.content, []
        keys = KEYS + (CONNECT_KEYS if list(on) == ["net.connect"] else ())
        if shape.randrange(3) == 0:
            ports = ("distinct remote.port",) if list(on) == ["net.connect"] else ()
            distinct = shape.choice(("", "", "distinct proc.pid", *ports))
            # Once there are enough different values the rest needs no places: no content edit may
            # ask for more of them.
            count = (shape if distinct else content).randint(2, 4)
            found.append(
                f"threshold {count} {distinct} within {content.choice(TIMES)} {shape.choice(keys)}"
            )
        if shape.randrange(3) == 0:
            limit = f"limit {content.randint(1, 3)} per {content.choice(TIMES)}"
            found.append(f"alert {limit} {shape.choice(keys)}")
        return found

    def _added(self, on: Sequence[str]) -> str:
        adds = ["", "", "", "add proc.uid to users", "add proc.uid to users for 1s"]
        adds += ["add (proc.uid, proc.exe.path) to pairs", "add proc.cmdline to lines for 30s"]
        if list(on) == ["net.connect"]:
            adds += ["add remote.ip to hosts", "add remote.ip to hosts for 1min"]
            adds += ["add remote.ip to nets"]
        return self.chance.shape.choice(adds)

    def _tagged(self, on: Sequence[str]) -> str:
        tags = ["", "", "", "", "tag proc t0", "tag proc t0 for 1s", "tag proc t1 inherited"]
        tags += ["tag proc.parent t1", "tag container t2 for 1min", "untag proc t0"]
        tags += ["untag proc t1", "untag container t2"]
        if list(on) == ["file.open"]:
            tags += ["tag file t3 for 30s", "untag file t3"]
        return self.chance.shape.choice(tags)

    def sequence(self, name: str) -> str:
        """A rule of two to four steps."""
        shape, content = self.chance.shape, self.chance.content
        keys, count = shape.choice(SEQUENCE_KEYS), shape.choice((2, 2, 2, 3, 3, 4))
        steps, last = [], ""
        for place in range(count):
            # On an exec the last step acts before or after; both kinds are wanted.
            last = shape.choice(("process.exec", "process.fork", "net.connect", "file.open"))
            when = self.conditions.condition([last], 2)
            if place and shape.randrange(3) == 0:
                what = shape.choice(("proc.uid", "proc.gid", "proc"))
                when += f" and s{place}.{what} == s{place - 1}.{what}"
            steps.append(f"[{last} as s{place} when {when}] {shape.choice(keys)}")
        text = f"on sequence within {content.choice(TIMES)} {' '.join(steps)}"
        if shape.randrange(3) == 0:
            event = shape.choice(EVENTS)
            when = self.conditions.condition([event], 1)
            text += f" until [{event} when {when}] {shape.choice(keys)}"
        can = ("", "deny", "deny") if last in DENIABLE else ("", "kill")
        act = content.choice(can)
        if shape.randrange(5) == 0 and last in DENIABLE:
            act = "deny on unknown"
        return f"rule {name} {{ {text} {act} {self._earlier(count, act)} }}"

    def _earlier(self, count: int, act: str) -> str:
        """What a rule on a sequence does with its earlier steps, and how often it alerts."""
        shape, content = self.chance.shape, self.chance.content
        step, found = f"s{shape.randrange(count - 1)}", []
        if shape.randrange(4) == 0 and act != "kill":
            found.append(f"kill {step}.proc")
        text = shape.choice(("", "", ' "{s0.proc.pid} {s0.proc.uid} {s0.proc.parent.start_time}"'))
        limit = ""
        if shape.randrange(5) == 0:
            limit = f" limit {content.randint(1, 2)} per {content.choice(TIMES)}"
        found += [f"alert{text}{limit}"] if text or limit else []
        found += [f"output {{ who = {step}.proc.ppid }}"] if shape.randrange(5) == 0 else []
        return " ".join(found)
