"""The documentation says what is there: links, commands, rules in code blocks, names of files."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from typer.main import get_command

from bpfc_cli.app import app
from bpfc_cli.vm import table
from dsl.frontend import check
from tests.language.documented import FENCE, PAGES, Includes, blocks_of

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_SPAN = re.compile(r"`(?P<code>[^`\n]+)`")
_COMMAND = re.compile(r"(?:`|^ {4}(?:\$ )?)bpfc (?P<words>[^`\n]*)", re.MULTILINE)
_PATH = re.compile(r"(?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:toml|py|lark|det|md)")


def _ids(pages: Sequence[Path]) -> list[str]:
    return [str(page.relative_to(ROOT)) for page in pages]


def _anchors(text: str) -> set[str]:
    """What the headings of a page are called in links."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def _broken_links(page: Path, text: str) -> list[str]:
    """Relative links of a page that lead nowhere."""
    found = []
    for match in _LINK.finditer(FENCE.sub("", text)):
        path, _, anchor = match["target"].partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = page.parent / path if path else page
        known = _anchors(target.read_text("utf-8") if path else text) if target.is_file() else set()
        if not target.exists() or (anchor and anchor not in known):
            found.append(match["target"])
    return found


def _rules(text: str) -> Iterator[str]:
    """Every code block of rules, as a whole file."""
    return (block.source for block in blocks_of("page", text))


def _errors(source: str) -> list[str]:
    """What the front end has against a file."""
    policy, findings = check([("page.det", source)], load=Includes().__getitem__)
    found = [f"{f.code} line {f.span.line}: {f.message}" for f in findings if f.severity == "error"]
    assert bool(found) == (policy is None)
    return found


def _commands(text: str) -> Iterator[list[str]]:
    """The words behind `bpfc` wherever a page gives a command."""
    for match in _COMMAND.finditer(text):
        words = match["words"].replace("\\|", " ").partition("#")[0].split()
        if words:
            yield words


def _wrong_words(words: list[str]) -> list[str]:
    """Commands and options that do not exist."""
    known = get_command(app).commands  # type: ignore[attr-defined]
    if words[1:] and hasattr(known.get(words[0]), "commands"):  # a group of commands
        known, words = known[words[0]].commands, words[1:]
    if words[0].startswith("-"):
        return [w for w in words if w.startswith("-") and w not in ("--version", "--help")]
    if words[0] == "COMMAND":
        return []
    if words[0] not in known:
        return [words[0]]
    options = {o for p in known[words[0]].params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
    return [w for w in words[1:] if w.startswith("-") and w not in options]


@pytest.mark.parametrize("page", PAGES, ids=_ids(PAGES))
def test_links_lead_somewhere(page: Path) -> None:
    assert not _broken_links(page, page.read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=_ids(PAGES))
def test_rules_have_no_errors(page: Path) -> None:
    for source in _rules(page.read_text("utf-8")):
        assert not _errors(source), source


@pytest.mark.parametrize("page", PAGES, ids=_ids(PAGES))
def test_commands_and_their_options_exist(page: Path) -> None:
    for words in _commands(page.read_text("utf-8")):
        assert not _wrong_words(words), words


def test_every_command_is_described() -> None:
    given = {words[0] for words in _commands((DOCS / "cli.md").read_text("utf-8"))}
    assert set(get_command(app).commands) <= given  # type: ignore[attr-defined]


def test_kernels_that_pages_name_exist() -> None:
    for page in PAGES:
        for names in re.findall(r"--kernel ([\d.,a-z]+)", page.read_text("utf-8")):
            for name in set(names.split(",")) - {"running"}:
                table.kernel(name)


@pytest.mark.parametrize("name", ["extending.md", "architecture.md", "windows.md"])
def test_files_that_pages_name_exist(name: str) -> None:
    text = FENCE.sub("", (DOCS / name).read_text("utf-8"))
    spans = [match["code"] for match in _SPAN.finditer(text)]
    paths = [code for code in spans if "/" in code and _PATH.fullmatch(code)]
    missing = [path for path in paths if not path.startswith(NOT_OURS) and not _exists(path)]
    assert len(paths) > 3
    assert not missing


# Names of ELF sections, and files of other projects.
NOT_OURS = ("cgroup/", "process/", "raw_tp/", "src/ir/")


def _exists(path: str) -> bool:
    """Whether a path, from the root of the project or of the compiler, is there."""
    return (ROOT / path).exists() or (ROOT / "compiler" / path).exists()


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text("utf-8")
    assert [p.name for p in DOCS.glob("*.md") if f"]({p.name})" not in index] == ["README.md"]


@pytest.mark.parametrize(
    "text", ["[x](nowhere.md)", "[x](language.md#nothing)", "[x](#nothing)", "[x](../nothing/)"]
)
def test_a_broken_link_is_found(text: str) -> None:
    assert _broken_links(DOCS / "README.md", text)


def test_wrong_rules_and_commands_are_found() -> None:
    block = "```det fragment\nrule a { on process.exec when proc.uidd == 0 }\n```\n"
    (source,) = _rules(block)
    assert _errors(source)
    assert [_wrong_words(w) for w in _commands("`bpfc chek a`\n    $ bpfc run --nope\n")] == [
        ["chek"],
        ["--nope"],
    ]
