"""Debian packages of another release, through apt itself, from the mirror this machine uses.

apt works in a private folder with sources of its own, so nothing of the system's package state is
touched, and signatures and checksums are checked by apt with the keys the system trusts.
"""

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import evolve, frozen

from bpfc_cli.vm.errors import VmError
from bpfc_cli.vm.host import need_command
from bpfc_cli.vm.table import Architecture, Kernel

# Names an apt sources file to use in place of the machine's own.
SOURCES_VARIABLE = "BPFC_VM_SOURCES"
# Fields that say how a source is trusted and reached; all others are replaced.
CARRIED = (
    "Signed-By", "Trusted", "Check-Valid-Until", "Check-Date", "By-Hash",
    "Allow-Insecure", "Allow-Weak", "Allow-Downgrade-To-Insecure",
)  # fmt: skip
# Settings of the machine that say how to reach a mirror (proxies, certificates, timeouts).
ACQUIRE = re.compile(
    r"Acquire::(https?|socks5?h?|tor|ftp|Retries|Force|Proxy|Check-|Max-|Min-|By-Hash|Send-)", re.I
)
# Releases and their aliases: what tells Debian's archive from other repositories.
CODENAMES = frozenset(
    (
        "buster", "bullseye", "bookworm", "trixie", "forky", "duke", "sid",
        "oldoldstable", "oldstable", "stable", "testing", "unstable",
    )
)  # fmt: skip
SECURITY = ("-security", "/updates")
TIMEOUT_S = 600


@frozen
class Source:
    """One entry of an apt sources file.

    Args:
        uris: where.
        suites: which releases.
        components: which parts of them.
        fields: what CARRIED names, with values as they stand in the file.
    """

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    fields: tuple[tuple[str, str], ...] = ()

    def text(self) -> str:
        """The entry as a stanza of a .sources file."""
        lines = [
            "Types: deb",
            f"URIs: {' '.join(self.uris)}",
            f"Suites: {' '.join(self.suites)}",
            f"Components: {' '.join(self.components)}",
            *(f"{name}: {value}" for name, value in self.fields),
        ]
        return "\n".join(lines) + "\n\n"


def parse_sources(text: str) -> list[Source]:
    """The enabled `deb` entries of a deb822 file (sources.list(5), "DEB822-STYLE FORMAT").

    Args:
        text: the file.

    Returns:
        The entries in order; what cannot be read is left out, as apt will name it itself.
    """
    found = []
    for fields in _stanzas(text):
        if "deb" not in fields.get("types", "").split() or not fields.get("uris"):
            continue
        if fields.get("enabled", "yes").strip().lower() in ("no", "false", "0", "off", "without"):
            continue
        carried = tuple((name, fields[name.lower()]) for name in CARRIED if name.lower() in fields)
        uris, suites, components = (
            tuple(fields.get(name, "").split()) for name in ("uris", "suites", "components")
        )
        found.append(Source(uris, suites, components, carried))
    return found


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    """Stanzas as fields by lower-case name; continuation lines keep their form."""
    fields: dict[str, str] = {}
    last = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield fields
            fields, last = {}, ""
        elif line[0] in " \t":
            if last:
                fields[last] += "\n" + line
        elif ":" in line:
            name, _, value = line.partition(":")
            last = name.strip().lower()
            fields[last] = value.strip()


def parse_list(text: str) -> list[Source]:
    """The `deb` entries of a one-line-style file (sources.list(5), "ONE-LINE-STYLE FORMAT").

    Args:
        text: the file.

    Returns:
        The entries in order; what cannot be read is left out.
    """
    found = []
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^]]*)\]\s*)?(\S+)\s+([^#\s]+)([^#]*)", line)
        if not match:
            continue
        options, uri, suite, components = match.groups()
        given = dict(part.partition("=")[::2] for part in (options or "").split())
        given = {name.rstrip("+-").lower(): value for name, value in given.items()}
        carried = tuple(
            (name, given[name.lower()].replace(",", " "))
            for name in CARRIED
            if name.lower() in given
        )
        found.append(Source((uri,), (suite,), tuple(components.split()), carried))
    return found


def machine_sources() -> list[Source]:
    """The entries of this machine's apt configuration, or of the file BPFC_VM_SOURCES names.

    Returns:
        The entries.

    Raises:
        VmError: BPFC0803, there is no apt, or the named file cannot be read.
    """
    named = os.environ.get(SOURCES_VARIABLE)
    try:
        paths = [Path(named)] if named else _source_files()
        texts = [(path, path.read_text("utf-8", errors="replace")) for path in paths]
    except OSError as error:
        raise VmError(
            "BPFC0803",
            f"apt's sources cannot be read: {error}",
            f"make them readable, or name a file with {SOURCES_VARIABLE}",
        ) from error
    return [
        source
        for path, text in texts
        for source in (parse_sources(text) if path.suffix == ".sources" else parse_list(text))
    ]


def _source_files() -> list[Path]:
    """The files apt reads its sources from, in its order."""
    command = need_apt("apt-config")
    answer = subprocess.run(
        [command, "shell", "file", "Dir::Etc::sourcelist/f", "parts", "Dir::Etc::sourceparts/d"],
        capture_output=True, text=True, check=False, timeout=TIMEOUT_S,
    )  # fmt: skip
    places = dict(word.partition("=")[::2] for word in shlex.split(answer.stdout))
    single = Path(places.get("file", ""))
    parts = Path(places.get("parts", "/nonexistent"))
    found = [single] if single.is_file() else []
    # apt leaves out other endings as well (apt.conf(5), Dir::Ignore-Files-Silently).
    return found + sorted(p for p in parts.glob("*") if p.suffix in (".list", ".sources"))


def need_apt(command: str) -> str:
    """Where one of apt's commands lies.

    Args:
        command: its name.

    Returns:
        Its path.

    Raises:
        VmError: BPFC0803, this machine has no apt.
    """
    try:
        return need_command(command, "apt")
    except VmError as error:
        raise VmError(
            "BPFC0803",
            f"kernels come from Debian packages, and this machine has no {command}",
            "use a machine with Debian's apt (in a container, say)",
        ) from error


def archives_for(kernel: Kernel, sources: Iterable[Source]) -> list[Source]:
    """What to ask for a release's packages, best first: its archive, then its security archive.

    Args:
        kernel: which release.
        sources: the machine's sources.

    Returns:
        Sources with the release in place of their own.

    Raises:
        VmError: BPFC0804, none is Debian's archive.
    """
    plain: list[Source] = []
    security: list[Source] = []
    for source in sources:
        for suite in source.suites:
            ending = next((end for end in SECURITY if suite.endswith(end)), "")
            base = suite.removesuffix(ending).partition("-")[0]
            if base not in CODENAMES or "main" not in source.components:
                continue
            wanted = kernel.codename + ("-security" if ending else "")
            found = evolve(source, suites=(wanted,), components=("main",))
            if found not in (group := security if ending else plain):
                group.append(found)
    if not plain and not security:
        raise VmError(
            "BPFC0804",
            "this machine's apt sources name no Debian archive",
            f"name a .sources file that does with {SOURCES_VARIABLE}",
        )
    return plain + security


def download(kernel: Kernel, arch: Architecture, target: Path) -> None:
    """Fetch a release's newest kernel package; apt verifies it.

    Args:
        kernel: which release.
        arch: for which architecture.
        target: file to write.

    Raises:
        VmError: BPFC0803 or BPFC0804 for the machine's sources, BPFC0805 if no mirror answers with
            something that can be trusted, BPFC0806 if it has no such package.
    """
    problem: VmError | None = None
    for source in archives_for(kernel, machine_sources()):
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".apt-") as folder:
            root = PrivateApt(Path(folder), source, arch)
            try:
                root.download(kernel, arch).replace(target)
                return
            except VmError as error:
                problem = problem or error  # the archive's own answer says more than a fallback's
    assert problem is not None, "archives_for gives at least one"
    raise problem


class PrivateApt:
    """apt with one source and a state of its own.

    Args:
        folder: an empty folder for its state.
        source: the only source.
        arch: the architecture to get packages for.
    """

    def __init__(self, folder: Path, source: Source, arch: Architecture) -> None:
        self._folder = folder
        for name in ("parts", "sources.d", "state/lists/partial", "cache/archives/partial", "out"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        (folder / "sources.d" / "bpfc.sources").write_text(source.text(), "utf-8")
        settings = {
            "Dir::Etc::main": "/dev/null",
            "Dir::Etc::parts": folder / "parts",
            "Dir::Etc::sourcelist": "/dev/null",
            "Dir::Etc::sourceparts": folder / "sources.d",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": folder / "parts",
            "Dir::State": folder / "state",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache",
            "APT::Architecture": arch.debian,
            "APT::Architectures": arch.debian,
            "APT::Update::Error-Mode": "any",
            "Acquire::Languages": "none",
            "Acquire::Retries": "2",
        }
        if os.geteuid() == 0:
            # apt's own user cannot reach a private folder.
            settings["APT::Sandbox::User"] = "root"
        lines = [f'{name} "{value}";' for name, value in settings.items()]
        self._config = folder / "apt.conf"
        self._config.write_text("\n".join([*lines, *self._machine_settings()]) + "\n", "utf-8")

    def download(self, kernel: Kernel, arch: Architecture) -> Path:
        """Fetch the package that the release's kernel meta package stands for."""
        self._run("apt-get", "-q", "update")
        shown = self._run("apt-cache", "--no-all-versions", "show", arch.package)
        depends = next((f.get("depends", "") for f in _stanzas(shown) if "depends" in f), "")
        match = re.search(r"\b(linux-image-\d[^ ,]*)\s*\(=\s*([^) ]+)", depends)
        if match is None or not match[2].startswith(kernel.series + "."):
            raise VmError(
                "BPFC0806",
                f"the mirror has no kernel {kernel.series} for Debian {kernel.release}"
                f" ({arch.package} needs {depends or 'nothing'})",
                f"use a mirror that has it, by {SOURCES_VARIABLE}",
            )
        self._run("apt-get", "-q", "download", f"{match[1]}={match[2]}")
        return next((self._folder / "out").glob("*.deb"))

    @staticmethod
    def _machine_settings() -> list[str]:
        """The lines of the machine's apt configuration that say how to reach a mirror."""
        dump = subprocess.run(
            [need_apt("apt-config"), "dump"],
            capture_output=True, text=True, check=False, timeout=TIMEOUT_S,
        )  # fmt: skip
        return [line for line in dump.stdout.splitlines() if ACQUIRE.match(line)]

    def _run(self, command: str, *arguments: str) -> str:
        """Run one of apt's commands in the private folder."""
        environment = {**os.environ, "APT_CONFIG": str(self._config), "LC_ALL": "C.UTF-8"}
        try:
            answer = subprocess.run(
                [need_apt(command), *arguments],
                cwd=self._folder / "out", env=environment, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, check=False, timeout=TIMEOUT_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise self._failed(command, arguments, f"no end after {error.timeout:.0f} s") from error
        if answer.returncode:
            raise self._failed(command, arguments, answer.stderr)
        return answer.stdout

    @staticmethod
    def _failed(command: str, arguments: tuple[str, ...], said: str) -> VmError:
        """The diagnostic for a command that failed."""
        return VmError(
            "BPFC0805",
            f"a kernel package could not be fetched: {command} {' '.join(arguments)} failed",
            "see whether the mirror in apt's sources can be reached and has the release",
            said.strip(),
        )
