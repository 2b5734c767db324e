"""What the language refuses, each with code, place and advice: pairs of a policy and what is said.

`python -m tests.language.test_rejections` writes the expected texts anew.
"""

import re
import sys
from pathlib import Path

import pytest

from compiler.driver import compile_sources
from dsl.diagnostics import render

REJECTIONS = Path(__file__).parent / "rejections"
NAMES = sorted(path.stem for path in REJECTIONS.glob("*.det"))


def said(name: str) -> str:
    """All that is said about a policy that is refused."""
    path = REJECTIONS / f"{name}.det"
    sources: dict[str, str | bytes] = {path.name: path.read_bytes()}

    def load(included: str) -> bytes:
        content = (REJECTIONS / included).read_bytes()
        sources[included] = content
        return content

    result = compile_sources([(path.name, path.read_bytes())], load=load)
    assert result.artifact is None, f"{name} is not refused"
    return "\n\n".join(render(item, sources) for item in result.diagnostics) + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_rejection(name: str) -> None:
    text = said(name)
    assert text == (REJECTIONS / f"{name}.txt").read_text("utf-8")
    # A code, a place, and what to do about it.
    for finding in text.split("\n\n"):
        assert re.match(r"error\[BPFC\d{4}\]: .+\n *--> \S+:\d+:\d+\n", finding)
        assert re.search(r"^  (help: |did you mean |expected: )", finding, re.MULTILINE), finding


def test_what_has_to_be_refused_is() -> None:
    assert {
        "deny_known_afterwards",
        "event_without_process",
        "include_cycle",
        "name_twice",
        "override_of_nothing",
        "oversized_regex",
        "sequence_without_within",
        "set_without_capacity",
        "type_mix",
    } <= set(NAMES)


if __name__ == "__main__":
    for each in NAMES:
        (REJECTIONS / f"{each}.txt").write_text(said(each), "utf-8")
        sys.stdout.write(f"{each}\n")
