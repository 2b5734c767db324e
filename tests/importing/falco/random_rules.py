"""Random rules of Falco, as text and as values, and events near what they look for.

Values keep out of what differs by intent (docs/import.md): directories with two names, what of a
name is behind its fifteenth byte (but for beginnings), and the path in front of a first argument.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from random import Random
from typing import Any

from dsl.catalogue import load
from dsl.interpreter import Event as Happened
from dsl.semantics import ABSENT, FieldValue
from tests.importing.falco.oracle import Condition, Event, holds
from tests.language.fixture import START, complete

NAMES = ("sh", "Bash", "systemd-resolve", "systemd-resolved", "systemd-resol", "nc", "a")
PARTS_OF_NAMES = ("sh", "s", "systemd", "N", "resol", "x", "")
PATHS = ("/opt/tool", "/opt/Tool.sh", "/srv/a/b", "/tmp/x_1", "/data/a b", "/data", "/srv/ab")
PARTS_OF_PATHS = ("/opt", "tool", ".sh", "/srv/a", "a", "T", "b", "/data")
GLOBS = ("/opt/*", "/*/?ool*", "*b", "/data", "*[a-f]*", "/srv/*", "?data*")
EXPRESSIONS = ("/opt/.*", "/[a-z]+/.*b", ".*(sh|ool)", "/data", "x|/srv.*", "[^ ]*")
ARGUMENTS = ("-c", "id", "--all", "x", "-p 4444", "", "Xy")
LINES = ("sh -c", "sh", "nc x", "a --all x", "Bash id", "a")
PARTS_OF_LINES = ("-c", "--all", " id", "x", "4444", "Xy")
ENVIRONMENT = ("fast", "slow", "")
PORTS = (22, 80, 4444, 65535)
ADDRESSES = ("10.0.0.1", "192.168.7.9", "198.51.100.7", "2001:db8::1", "fe80::1")
NETWORKS = ("10.0.0.0/8", "192.168.0.0/16", "2001:db8::/32", "198.51.100.7", "::/0")
IMAGES = ("alpine", "ghcr.io/a/alpine:3", "ghcr.io/a/b@sha256:00", "docker.io/alpine:latest")
REPOSITORIES = ("alpine", "ghcr.io/a/alpine", "ghcr.io/a/b", "docker.io")
TYPES = ("execve", "connect", "openat", "unlink", "rename")
_NUMBERS = ("=", "!=", "<", "<=", ">", ">=", "in")
_TEXTS = ("=", "!=", "in", "intersects", "startswith", "contains", "icontains")
_PATHS = (*_TEXTS, "endswith", "glob", "iglob", "regex", "pmatch")
_FLAGS = ("O_CREAT", "O_TRUNC", "O_EXCL", "O_WRONLY", "O_RDWR")

# Fields, what they are compared with, and how. Where two kinds are alike, so is their row.
FIELDS: Mapping[str, tuple[str, tuple[Any, ...], tuple[str, ...]]] = {
    "proc.name": ("name", NAMES, _TEXTS),
    "proc.pname": ("name", NAMES, _TEXTS),
    "tolower(proc.name)": ("name", ("sh", "bash", "Nc", "nc"), ("=", "in", "startswith")),
    "proc.exepath": ("path", PATHS, _PATHS),
    "proc.pexepath": ("path", PATHS, _PATHS),
    "basename(proc.exepath)": ("path", ("tool", "b", "a b"), ("=", "!=", "in", "endswith")),
    "proc.exe": ("line", ("sh", "/opt/tool", "nc"), ("=", "!=", "in", "startswith")),
    "proc.cmdline": ("line", LINES, ("=", "!=", "in", "startswith", "contains", "endswith")),
    "proc.args": ("line", ARGUMENTS, ("=", "!=", "startswith", "contains", "endswith", "in")),
    "proc.cmdnargs": ("number", (0, 1, 2, 3), _NUMBERS),
    "proc.pid": ("number", (1, 2, 300), _NUMBERS),
    "user.uid": ("number", (0, 1000), _NUMBERS),
    "user.loginuid": ("number", (-1, 0, 1000), ("=", "!=", "in")),
    "user.name": ("name", ("root", "deploy", "systemd-x"), _TEXTS),
    "tolower(user.name)": ("name", ("root", "deploy", "Root"), ("=", "in", "startswith")),
    "user.loginname": ("name", ("root", "deploy", "<NA>"), ("=", "!=", "in", "exists")),
    "group.name": ("name", ("root", "staff", "<NA>"), ("=", "!=", "in")),
    "proc.tty": ("number", (0,), ("=", "!=")),
    "proc.env[MODE]": ("name", ENVIRONMENT, ("=", "!=", "in", "startswith", "exists")),
    "proc.aname[2]": ("path", ("tool", "b", "Tool.sh"), ("=", "!=", "in", "exists", "contains")),
    "proc.is_exe_from_memfd": ("bool", ("true", "false"), ("=", "!=")),
    "container.id": ("name", ("host", "0123456789ab", "0123"), ("=", "!=", "in")),
    "container.image.repository": ("name", REPOSITORIES, ("=", "!=", "in", "startswith")),
    "fd.sport": ("number", PORTS, _NUMBERS),
    "fd.sip": ("name", ADDRESSES, ("=", "!=", "in")),
    "fd.snet": ("name", NETWORKS, ("=", "!=", "in")),
    "fd.typechar": ("name", ("4", "6", "u", "f", "d"), ("=", "!=", "in")),
    "fd.l4proto": ("name", ("tcp", "udp"), ("=", "!=", "in")),
    "fd.directory": ("path", ("/opt", "/srv/a", "/data"), ("=", "!=", "in", "pmatch")),
    "fd.filename": ("path", ("tool", "b"), ("=", "!=", "in", "endswith", "contains")),
    "evt.is_open_write": ("bool", ("true", "false"), ("=", "!=")),
    "evt.is_open_read": ("bool", ("true", "false"), ("=", "!=")),
    "evt.arg.flags": ("flags", _FLAGS, ("contains",)),
    "fs.path.name": ("path", PATHS, ("=", "in", "startswith", "pmatch", "endswith")),
    "evt.arg.oldpath": ("path", PATHS, _PATHS),
    "evt.rawres": ("number", (0, -1), (">=", "<")),
    "evt.dir": ("name", ("<",), ("=", "!=")),
}
_PARTS = {"name": PARTS_OF_NAMES, "path": PARTS_OF_PATHS, "line": PARTS_OF_LINES}


class Rule:
    """A random rule.

    Args:
        random: where to draw from.
        number: for names.
    """

    def __init__(self, random: Random, number: int) -> None:
        self.random, self.number = random, number
        self.lists: dict[str, list[str]] = {}
        self.macros: dict[str, Condition] = {}
        types = random.sample(TYPES, random.choice((1, 1, 2)))
        tie: Condition = ("test", "evt.type", "in", types)
        self.condition: Condition = ("and", tie, self._condition(2))
        self.exceptions = [self._exception(n) for n in range(random.choice((0, 0, 1)))]

    def holds(self, event: Event) -> bool:
        """Whether the rule is true of an event, says the oracle."""
        excepted = any(holds(("or", *rows), event) for _, _, rows in self.exceptions)
        return holds(self.condition, event) and not excepted

    # ------------------------------------------------------------ conditions

    def _condition(self, depth: int) -> Condition:
        random = self.random
        kind = random.choice(("test", "test", "and", "or", "not", "macro")) if depth else "test"
        if kind == "test":
            return self._test()
        if kind == "not":
            return ("not", self._condition(depth - 1))
        if kind == "macro":
            name = f"macro_{self.number}_{len(self.macros)}"
            self.macros[name] = ("or", ("test", "proc.pid", "=", ["0"]))  # its place
            self.macros[name] = self._condition(depth - 1)
            return ("macro", name, self.macros[name])
        return (kind, *(self._condition(depth - 1) for _ in range(2)))

    def _test(self) -> Condition:
        field = self.random.choice(list(FIELDS))
        return self._of(field, self.random.choice(FIELDS[field][2]))

    def _of(self, field: str, operator: str) -> Condition:
        kind, whole, _ = FIELDS[field]
        random = self.random
        if operator == "exists":
            return ("test", field, operator, [])
        if operator in ("glob", "iglob", "regex"):
            return (
                "test",
                field,
                operator,
                [random.choice(GLOBS if "glob" in operator else EXPRESSIONS)],
            )
        if operator in ("startswith", "endswith", "contains", "icontains") and kind in _PARTS:
            return ("test", field, operator, [random.choice((*_PARTS[kind], *map(str, whole[:2])))])
        if operator in ("in", "intersects", "pmatch"):
            count = random.choice((0, 1, 2, 3))
            return ("test", field, operator, [str(random.choice(whole)) for _ in range(count)])
        return ("test", field, operator, [str(random.choice(whole))])

    def _exception(self, number: int) -> tuple[str, list[str], list[Condition]]:
        known = ("proc.name", "proc.exepath", "user.uid", "user.name", "group.name", "fd.sport")
        fields = self.random.sample(known, 2)
        rows = [("and", *(self._of(field, "=") for field in fields)) for _ in range(2)]
        return f"exception {number}", fields, rows

    # ------------------------------------------------------------ as YAML has it

    def items(self) -> list[dict[str, Any]]:
        """Lists, macros and the rule."""
        macros = [{"macro": n, "condition": self._text(c)} for n, c in self.macros.items()]
        rule: dict[str, Any] = {
            "rule": f"random {self.number}",
            "desc": "",
            "condition": self._text(self.condition),
            "output": "%proc.name %fd.name %evt.type",
            "priority": "INFO",
        }
        if self.exceptions:
            rule["exceptions"] = [
                {
                    "name": name,
                    "fields": fields,
                    "values": [[test[3][0] for test in row[1:]] for row in rows],
                }
                for name, fields, rows in self.exceptions
            ]
        lists = [{"list": name, "items": values} for name, values in self.lists.items()]
        return [*lists, *macros, rule]

    def _text(self, condition: Condition) -> str:
        match condition:
            case ("macro", name, _):
                return str(name)
            case ("not", part):
                return f"not ({self._text(part)})"
            case ("test", field, operator, values):
                return self._written(field, operator, values)
            case (word, *parts):
                return "(" + f" {word} ".join(map(self._text, parts)) + ")"
        raise ValueError(condition)

    def _written(self, field: str, operator: str, values: list[str]) -> str:
        if operator == "exists":
            return f"{field} exists"
        if operator in ("<", "<=", ">", ">="):
            return f"{field} {operator} {values[0]}"
        quoted = [f'"{value}"' for value in values]
        if operator not in ("in", "intersects", "pmatch"):
            return f"{field} {operator} {quoted[0]}"
        if len(values) > 1 and field != "evt.type" and self.random.random() < 0.4:
            name = f"list_{self.number}_{len(self.lists)}"
            self.lists[name] = quoted
            return f"{field} {operator} ({name})"
        return f"{field} {operator} ({', '.join(quoted)})"


# ---------------------------------------------------------------- events


def events(random: Random, count: int) -> list[tuple[Event, list[Happened]]]:
    """Events as Falco and as bpfc sees them; what is opened for writing are two."""
    return [_event(random) for _ in range(count)]


def _event(random: Random) -> tuple[Event, list[Happened]]:
    falco, fields = _process(random)
    kind = random.choice(
        ("execve", "execve", "connect", "connect", "unix", "openat", "unlink", "rename")
    )
    make = {
        "connect": _connect,
        "unix": _unix,
        "openat": _open,
        "unlink": _unlink,
        "rename": _rename,
    }
    names, more, own = make[kind](random) if kind in make else (["process.exec"], {}, {})
    falco |= {field: None for field in FIELDS if field not in falco} | more
    falco["evt.type"] = "connect" if kind == "unix" else kind
    falco["basename(proc.exepath)"] = falco["proc.exepath"].rpartition("/")[2]
    falco["tolower(proc.name)"] = falco["proc.name"]
    falco["tolower(user.name)"] = falco["user.name"]
    return falco, [_happened(name, {**fields, **own}) for name in names]


def _happened(name: str, fields: dict[str, FieldValue]) -> Happened:
    event = load().event(name)
    assert event is not None
    names = [field.name for field in event.fields if field.part != "elements"]
    return Happened(name, START, complete(name, fields, names))


def _process(random: Random) -> tuple[dict[str, Any], dict[str, FieldValue]]:
    name, parent = random.choice(NAMES), random.choice(NAMES)
    path, above = random.choice(PATHS), random.choice(PATHS)
    arguments = [random.choice(ARGUMENTS) for _ in range(random.choice((0, 1, 2, 3)))]
    arguments = [] if arguments == [""] else arguments
    first = random.choice((name, name, f"/usr/bin/{name}"))
    uid, login = random.choice((0, 1000)), random.choice((-1, 0, 1000))
    user = random.choice(("deploy", "Deploy", "systemd-x")) if uid else "root"
    logged_in = {-1: None, 0: "root"}.get(login, "deploy")
    gid = random.choice((0, 1000))
    group = random.choice((None, "staff", "Staff")) if gid else "root"
    tty, mode = random.choice((None, "pts0")), random.choice((None, *ENVIRONMENT))
    container, image = random.choice((None, "0123456789abcdef", "0123")), random.choice(IMAGES)
    grand = random.choice((None, *PATHS[:4]))
    pid, memory = random.choice((1, 2, 300)), random.random() < 0.3
    falco = {
        "proc.name": name[:15],
        "proc.pname": parent[:15],
        "proc.exepath": path,
        "proc.pexepath": above,
        "proc.exe": first,
        "proc.cmdline": " ".join([name, *arguments]),
        "proc.args": " ".join(arguments),
        "proc.cmdnargs": len(arguments),
        "proc.pid": pid,
        "user.uid": uid,
        "user.loginuid": login,
        "user.name": user,
        "user.loginname": logged_in or "<NA>",
        "group.name": group or "<NA>",
        "proc.tty": 34816 if tty else 0,
        "proc.env[MODE]": mode,
        "proc.aname[2]": grand.rpartition("/")[2] if grand else None,
        "proc.is_exe_from_memfd": memory,
        "container.id": container[:12] if container else "host",
        "container.image.repository": _repository(image) if container else None,
        "evt.rawres": 0,
        "evt.dir": "<",
    }
    fields: dict[str, FieldValue] = {
        "proc.invoked_as": name.encode(),
        "proc.parent.invoked_as": parent.encode(),
        "proc.exe.path": path.encode(),
        "proc.parent.exe.path": above.encode(),
        "proc.cmdline": "\0".join([first, *arguments]).encode(),
        "proc.pid": pid,
        "proc.euid": uid,
        "proc.loginuid": ABSENT if login < 0 else login,
        "proc.egid": gid,
        "proc.euid.name": user.encode(),
        "proc.loginuid.name": logged_in.encode() if logged_in else ABSENT,
        "proc.egid.name": group.encode() if group else ABSENT,
        "proc.tty": tty.encode() if tty else ABSENT,
        'proc.env["MODE"]': ABSENT if mode is None else mode.encode(),
        "proc.ancestors[2].exe.path": grand.encode() if grand else ABSENT,
        "proc.exe.in_memory": int(memory),
        "container.id": container.encode() if container else ABSENT,
        "container.image": image.encode() if container else ABSENT,
    }
    return falco, fields


def _repository(image: str) -> str:
    whole = image.partition("@")[0]
    return whole.rpartition(":")[0] if ":" in whole.rpartition("/")[2] else whole


def _connect(random: Random) -> tuple[list[str], dict[str, Any], dict[str, FieldValue]]:
    address = ip_address(random.choice(ADDRESSES))
    port, protocol = random.choice(PORTS), random.choice(("tcp", "udp"))
    falco = {
        "fd.sip": str(address),
        "fd.snet": str(address),
        "fd.sport": port,
        "fd.l4proto": protocol,
        "fd.typechar": str(address.version),
    }
    fields: dict[str, FieldValue] = {
        "remote.ip": address,
        "remote.port": port,
        "net.protocol": {"tcp": 6, "udp": 17}[protocol],
        "net.family": address.version,
    }
    return ["net.connect"], falco, fields


def _unix(random: Random) -> tuple[list[str], dict[str, Any], dict[str, FieldValue]]:
    path = random.choice(PATHS).encode()
    return ["net.connect_unix"], {"fd.typechar": "u"}, {"unix.path": path}


def _open(random: Random) -> tuple[list[str], dict[str, Any], dict[str, FieldValue]]:
    path, access = random.choice(PATHS), random.choice((0, 1, 2))
    chosen = [flag for flag in _FLAGS[:3] if random.random() < 0.4]
    bits = {"O_CREAT": 64, "O_EXCL": 128, "O_TRUNC": 512}
    directory = access == 0 and random.random() < 0.3
    falco = {
        "fd.directory": path.rpartition("/")[0] or "/",
        "fd.filename": path.rpartition("/")[2],
        "fd.typechar": "d" if directory else "f",
        "fs.path.name": path,
        "evt.is_open_write": access > 0,
        "evt.is_open_read": access != 1,
        "evt.arg.flags": "|".join([("O_RDONLY", "O_WRONLY", "O_RDWR")[access], *chosen]),
        "evt.rawres": 3,
    }
    fields: dict[str, FieldValue] = {
        "file.path": path.encode(),
        "open.access": access,
        "open.flags": sum(bits[flag] for flag in chosen) | (65536 if directory else 0),
    }
    return ["file.open", "file.open_write"][: 2 if access else 1], falco, fields


def _unlink(random: Random) -> tuple[list[str], dict[str, Any], dict[str, FieldValue]]:
    path = random.choice(PATHS)
    return (
        ["file.unlink"],
        {"fs.path.name": path},
        {"file.path": path.encode(), "file.kind": 0x8000},
    )


def _rename(random: Random) -> tuple[list[str], dict[str, Any], dict[str, FieldValue]]:
    path = random.choice(PATHS)
    falco = {"evt.arg.oldpath": path, "fs.path.name": path}
    return ["file.rename"], falco, {"file.path": path.encode(), "file.to.path": path.encode()}
