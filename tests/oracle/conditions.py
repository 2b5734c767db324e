"""Random conditions, over all operators and few constants, so that events meet them."""

from collections.abc import Callable, Sequence
from random import Random

from attrs import evolve, frozen

UIDS = (0, 0, 1, 1, 2, 3, 1000, (1 << 32) - 1)
PORTS = (1, 2, 3, 22, 443, 65535)
PATHS = ("/usr/bin/a", "/bin/a", "/bin/b", "/tmp/c", "/tmp/d/e.sh", "\\tmp\\c", "\\usr\\bin\\a")
DIRECTORIES = ("/tmp", "/usr/bin", "/bin", "\\tmp", "/tmp/d")
NAMES = ("a", "b", "c", "e.sh", "A")
EXTENSIONS = ("sh", "gz", "SH")
WORDS = ("x", "-x", "--pass", "-X", "\u0161", "a b", "x y", "")
GLOBS = ("*a*", "?", "[ab]*", "*x", "a*", "**y", "[!a]?*")
PATH_GLOBS = ("/tmp/*", "/**/c", "/bin/?", "/*/d/**", "**/[ab]")
REGEXES = ("a", "^a$", "x.*y", "(?i)X", "[^a]b", r"\bx\b", "^.{2,4}$", "^-", "y$", "(a|b)+c?")
NETWORKS = ("10.0.0.1", "10.0.0.0/8", "10.0.0.0/31", "192.0.2.0/24", "2001:db8::/32", "::/0")
USERS = ("root", "deploy", "A")
HASHES = ("aa", "aa11", "bb")
COMPANIES = ("x", "ABC", "y")
FLAGS = ("sys_admin", "net_raw", "chown", "kill")
LITERAL_OPS = ("==", "==", "!=", "startswith", "endswith", "contains", "in")


@frozen
class Conditions:
    """Writes conditions.

    Args:
        shape: decides on fields and operators.
        content: decides on constants.
        sets, tags, ancestors: whether conditions ask for them.
        confirming: whether they are second stages: they ask for what the agent knows, and for
            nothing that only the kernel can tell.
    """

    shape: Random
    content: Random
    sets: bool
    tags: bool
    ancestors: bool
    confirming: bool = False

    def second_stage(self, on: Sequence[str]) -> str:
        """A condition for the agent."""
        return evolve(self, confirming=True).condition(on, 5)

    def condition(self, on: Sequence[str], most: int = 4) -> str:
        """A condition of one to a few tests that exist on all of some events."""
        return self._joined(on, self.shape.choice((1, 1, 2, 2, 3, most)[: most + 2]))

    def _joined(self, on: Sequence[str], count: int) -> str:
        shape = self.shape
        negated = "not " if shape.randrange(3) == 0 else ""
        if count == 1:
            return negated + self._test(on)
        left = shape.randint(1, count - 1)
        word = shape.choice((" and ", " or "))
        parts = [self._joined(on, left), self._joined(on, count - left)]
        return f"{negated}({word.join(parts)})"

    def _test(self, on: Sequence[str]) -> str:
        kinds: list[Callable[[], str]] = [self._number, self._number, self._text, self._text]
        kinds += [self._pattern, self._arguments, self._optional]
        if self.confirming:
            kinds += [self._agent] * 8
            return self.shape.choice(kinds)()
        kinds.append(self._computed)
        if list(on) == ["net.connect"]:
            kinds += [self._address, self._port, self._address]
        if list(on) == ["file.open"]:
            kinds += [self._file, self._file]
        if self.sets:
            kinds.append(lambda: self._member(on))
        if self.tags:
            kinds.append(lambda: self._tag(on))
        if self.ancestors:
            kinds.append(self._ancestor)
        return self.shape.choice(kinds)()

    # ------------------------------------------------------------ constants

    def _one(self, values: Sequence[object], quoted: bool = False) -> str:
        value = self.content.choice(values)
        return f'r"{value}"' if quoted else str(value)

    def _list(self, values: Sequence[object], quoted: bool = False, most: int = 3) -> str:
        """Different values in brackets; how many is shape."""
        count = min(self.shape.randint(1, most), len(set(values)))
        found = self.content.sample(sorted(set(values), key=str), count)
        texts = (f'r"{value}"' if quoted else str(value) for value in found)
        return f"[{', '.join(texts)}]"

    # ------------------------------------------------------------ tests

    def _number(self) -> str:
        name = self.shape.choice(("proc.uid", "proc.uid", "proc.gid", "proc.pid", "proc.ppid"))
        op = self.shape.choice(("==", "!=", "<=", ">", "in", "not in", "in range", "<", ">="))
        if op == "in range":
            low, high = sorted((self.content.choice(UIDS), self.content.choice(UIDS)))
            return f"{name} in {low}..{high}"
        if op in ("in", "not in"):
            return f"{name} {op} {self._list(UIDS)}"
        values = [n for n in UIDS if n] if op in ("<", ">=") else UIDS
        return f"{name} {op} {self._one(values)}"

    def _text(self) -> str:
        shape = self.shape
        name, values = shape.choice(
            (
                ("proc.exe.path", PATHS),
                ("proc.exe.name", NAMES),
                ("proc.parent.exe.path", PATHS),
                ("proc.parent.exe.name", NAMES),
                ("proc.exe.directory", DIRECTORIES),
                ("proc.exe.extension", EXTENSIONS),
                ("proc.cmdline", WORDS[:-1]),
            )
        )
        nocase = " nocase" if shape.randrange(4) == 0 else ""
        if name.endswith((".path", ".directory")) and shape.randrange(3) == 0:
            return f"{name} under {self._one(DIRECTORIES, True)}{nocase}"
        op = shape.choice(LITERAL_OPS)
        if op == "in":
            return f"{name} in {self._list(values, True)}{nocase}"
        if op in ("==", "!="):
            return f"{name} {op} {self._one(values, True)}{nocase}"
        every = shape.choice(("", "", "all "))
        return f"{name} {op} {every}{self._list(values, True)}{nocase}"

    def _pattern(self) -> str:
        name = self.shape.choice(("proc.exe.name", "proc.cmdline", "proc.comm", "proc.exe.path"))
        if name == "proc.exe.path" and self.shape.randrange(2):
            return f"{name} glob {self._one(PATH_GLOBS, True)}"
        if name != "proc.exe.path" and self.shape.randrange(2):
            return f"{name} glob {self._one(GLOBS, True)}"
        nocase = " nocase" if self.shape.randrange(4) == 0 else ""
        return f"{name} regex {self._one(REGEXES, True)}{nocase}"

    def _arguments(self) -> str:
        which = self.shape.choice(("any", "any", "all", "[0]", "[1]", "[2]", "count"))
        if which == "count":
            op = self.shape.choice(("==", "<=", ">", "!="))
            return f"proc.argv count {op} {self.content.randint(1, 3)}"
        op = self.shape.choice(("==", "startswith", "contains", "endswith", "regex"))
        head = f"proc.argv{'' if which[0] == '[' else ' '}{which} {op}"
        if op == "regex":
            return f"{head} {self._one(REGEXES, True)}"
        every = "all " if which == "any" and op != "==" and self.shape.randrange(4) == 0 else ""
        return f"{head} {every}{self._list(WORDS[:-1], True)}"

    def _computed(self) -> str:
        number = self.content.choice
        return self.shape.choice(
            (
                lambda: f"(proc.uid & {number((1, 2, 3, 255))}) + 1 == {number((1, 2, 3))}",
                lambda: f"proc.uid * {number((2, 3, 1 << 40))} - proc.gid > {number((0, 2, 5))}",
                lambda: f"proc.uid / proc.gid <= {number((0, 1, 2))}",
                lambda: f"proc.pid % {number((2, 3))} == {number((0, 1))}",
                lambda: f"{number((1, 3))} << proc.uid != {number((2, 4, 6))}",
                lambda: f"proc.uid - {number((1, 2, (1 << 63) - 1))} < {number((0, 1))}",
                lambda: "proc.uid != proc.gid",
                lambda: "proc.pid > proc.ppid",
                lambda: "proc.exe.path == proc.parent.exe.path",
                lambda: f"length(proc.exe.path) > {number((6, 7, 9))}",
                lambda: f"length(proc.cmdline) <= {number((1, 3, 8))}",
                lambda: f"-proc.gid >= {number((-2, -1))}",
                lambda: f"proc.uid >> {number((1, 4))} == {number((0, 1))}",
            )
        )()

    def _optional(self) -> str:
        return self.shape.choice(
            (
                lambda: "proc.tty exists",
                lambda: "proc.script.path not exists",
                lambda: f"proc.script.path == {self._one(PATHS, True)}",
                lambda: f"proc.tty startswith {self._one(('tty', 'pts', 'pts/1'), True)}",
                lambda: "proc.exe.in_memory",
                lambda: f"proc.loginuid == {self._one(UIDS)}",
                lambda: "proc.loginuid exists",
                lambda: f"proc.stdin == {self._one(('tty', 'pipe', 'socket'))}",
                lambda: f"proc.stdin in {self._list(('tty', 'pipe', 'file', 'socket'))}",
                lambda: f"proc.caps.effective has any {self._list(FLAGS)}",
                lambda: f"proc.caps.effective has all {self._list(FLAGS)}",
            )
        )()

    def _agent(self) -> str:
        nocase = " nocase" if self.shape.randrange(4) == 0 else ""
        return self.shape.choice(
            (
                lambda: f"proc.uid.name == {self._one(USERS, True)}{nocase}",
                lambda: f"proc.uid.name in {self._list(USERS, True)}{nocase}",
                lambda: "proc.uid.name not exists",
                lambda: f"proc.exe.hash.sha256 in {self._list(HASHES, True)}",
                lambda: f"proc.exe.hash.sha256 startswith {self._one(HASHES, True)}",
                lambda: f"proc.exe.version.company contains {self._list(COMPANIES, True)}{nocase}",
                lambda: f"proc.exe.version.company regex {self._one(REGEXES, True)}",
                lambda: f"proc.exe.version.company glob {self._one(GLOBS, True)}{nocase}",
                lambda: "proc.exe.version.company exists",
                lambda: "container.privileged",
            )
        )()

    def _address(self) -> str:
        return self.shape.choice(
            (
                lambda: f"remote.ip in {self._list(NETWORKS)}",
                lambda: f"remote.ip not in {self._list(NETWORKS)}",
                lambda: f"remote.ip == {self._one(NETWORKS)}",
                lambda: "remote.ip is_private",
                lambda: "remote.ip is_global",
                lambda: "not remote.ip is_ipv4",
                lambda: f"net.protocol == {self._one(('tcp', 'udp'))}",
            )
        )()

    def _port(self) -> str:
        return self.shape.choice(
            (
                lambda: f"remote.port == {self._one(PORTS)}",
                lambda: f"remote.port in {self._list(PORTS, most=5)}",
                lambda: f"remote.port in 1..{self._one(PORTS)}",
                lambda: f"remote.port < {self._one(PORTS[1:])}",
            )
        )()

    def _file(self) -> str:
        return self.shape.choice(
            (
                lambda: f"file.path under {self._one(DIRECTORIES, True)}",
                lambda: f"file.name == {self._one(NAMES, True)}",
                lambda: f"open.access == {self._one(('read', 'write'))}",
                lambda: f"file.mode has any {self._list(('0o4000', '0o2000', '0o111'))}",
                lambda: "file == proc.exe.file",
                lambda: f"file.age < {self._one(('1s', '1min'))}",
            )
        )()

    def _member(self, on: Sequence[str]) -> str:
        tests = ["proc.uid in users", "(proc.uid, proc.exe.path) in pairs", "proc.uid not in users"]
        tests.append("proc.cmdline in lines")
        if list(on) == ["net.connect"]:
            tests += ["remote.ip in hosts", "remote.ip not in hosts", "remote.ip in nets"]
        return self.shape.choice(tests)

    def _tag(self, on: Sequence[str]) -> str:
        tests = ["proc tagged t0", "proc tagged t1", "proc.parent tagged t1", "container tagged t2"]
        tests += ["file tagged t3"] if list(on) == ["file.open"] else []
        return self.shape.choice(tests)

    def _ancestor(self) -> str:
        return self.shape.choice(
            (
                'proc.ancestors any exe.name == "a"',
                'proc.ancestors any (exe.path under "/tmp" or pid == 2)',
                'proc.ancestors any (not exe.name in ["a", "b"] and ancestor.pid < 3)',
            )
        )
