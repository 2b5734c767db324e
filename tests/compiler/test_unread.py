"""What is declared and no adapter reads: refused by name, left out, or judged by tests."""

from compiler.driver import Compilation, compile_sources

SOURCE = """policy "p" version "1" language 1
rule renamed { on file.rename when file.to.path under "/etc" deny }
rule inside  { on process.exec when proc.cwd == "/tmp" alert }
rule shown   { on process.exec when proc.uid == 0 alert "{proc.env[\\"PATH\\"]}" }
rule plain   { on process.exec when proc.uid == 0 and proc.session_id == 1 alert }
"""


def compiled(allow_partial: bool = False, testing: bool = False) -> Compilation:
    sources = [("rules.det", SOURCE)]
    return compile_sources(sources, allow_partial=allow_partial, testing=testing)


def test_it_is_refused_by_name() -> None:
    result = compiled()
    assert result.artifact is None
    assert [(d.code, d.span.line, d.message.partition(": ")[2]) for d in result.diagnostics] == [
        ("BPFC0697", 2, "file.rename is not read by any Linux adapter yet"),
        ("BPFC0697", 3, "proc.cwd is not read by any Linux adapter yet"),
        ("BPFC0697", 4, 'proc.env["PATH"] is not read by any Linux adapter yet'),
    ]
    assert all("--allow-partial" in d.remedy for d in result.diagnostics)


def test_it_is_left_out_and_the_table_says_so() -> None:
    result = compiled(allow_partial=True)
    assert result.artifact is not None
    rows = {row.rule: row for row in result.coverage if row.platform == "linux"}
    assert [row.unread for row in rows.values()] == [True, True, True, False]
    assert "proc.cwd is not read" in rows["inside"].text and rows["plain"].carried
    carried = {rule.name: bool(rule.linux) for rule in result.artifact.manifest.rules}
    assert carried == {"renamed": False, "inside": False, "shown": False, "plain": True}
    (layout,) = result.artifact.manifest.layouts
    assert layout.event == "process.exec"
    assert 'proc.env["PATH"]' in {text.name for text in layout.texts}
    assert "proc.session_id" in {number.name for number in layout.numbers}
    assert result.artifact.manifest.catalogue == 2


def test_tests_judge_it() -> None:
    result = compiled(testing=True)
    assert result.artifact is not None and not result.diagnostics
    assert all(rule.linux for rule in result.artifact.manifest.rules)
