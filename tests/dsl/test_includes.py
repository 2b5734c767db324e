"""Files that include files."""

from pathlib import Path

from bpfc.compiling import compile_files
from bpfc_cli.sources import checked
from dsl.frontend import check

HEADER = 'policy "p" version "1" language 1\n'
RULE = "rule r { on process.exec when proc.exe.name in shells }\n"


def test_every_file_is_read_once_under_its_shortest_name() -> None:
    files = {
        "d/x.det": 'include "../e/y.det"\ninclude "z.det"',
        "e/y.det": 'include "../d/z.det"',
        "d/z.det": 'list shells = ["sh"]',
    }
    asked: list[str] = []

    def load(name: str) -> str:
        asked.append(name)
        return files[name]

    main = f'{HEADER}include "d/x.det"\ninclude "./d//z.det"\n{RULE}'
    policy, found = check([("./main.det", main)], load=load)
    assert found == () and policy is not None
    assert sorted(asked) == sorted(files)
    names = [name for name, _ in policy.sources]
    assert names == ["d/z.det", "e/y.det", "d/x.det", "./main.det"]


def test_a_long_chain_of_files_is_no_trouble() -> None:
    def load(name: str) -> str:
        number = int(name.removesuffix(".det"))
        return f'include "{number + 1}.det"' if number < 900 else 'list shells = ["sh"]'

    policy, found = check([("main.det", f'{HEADER}include "1.det"\n{RULE}')], load=load)
    assert found == () and policy is not None
    endless = check([("main.det", HEADER + 'include "1.det"')], load=lambda n: f'include "1{n}"')
    assert [item.code for item in endless[1]] == ["BPFC0006"]


def test_without_a_loader_nothing_is_included() -> None:
    _, found = check([("main.det", f'{HEADER}include "shells.det"\n{RULE}')])
    assert [item.code for item in found] == ["BPFC0004"]


def test_what_is_wrong_in_an_included_file_is_shown_there() -> None:
    main = f'{HEADER}include "bad.det"\n{RULE}'
    for content in (b"\xff", "list shells = [", ""):
        policy, found = check([("main.det", main)], load=lambda _, content=content: content)  # type: ignore[misc]
        assert policy is None
        assert [item.span.file for item in found] == ["bad.det"]


def test_the_same_files_at_another_place_give_the_same_artifact(tmp_path: Path) -> None:
    made = []
    for directory in (tmp_path / "one", tmp_path / "two" / "deeper"):
        (directory / "lists").mkdir(parents=True)
        (directory / "lists" / "shells.det").write_text('list shells = ["sh"]')
        main = directory / "main.det"
        main.write_text(f'{HEADER}include "lists/shells.det"\n{RULE}')
        made.append(compile_files(main).data)
    assert made[0] == made[1]


def test_the_command_line_reads_included_files(tmp_path: Path) -> None:
    main = tmp_path / "main.det"
    main.write_text(f'{HEADER}include "shells.det"\n{RULE}')
    policy, (problem,) = checked([main])
    assert policy is None and problem.code == "BPFC0004"
    (tmp_path / "shells.det").mkdir()
    policy, (problem,) = checked([main])
    assert policy is None and "not a file" in problem.message
    (tmp_path / "shells.det").rmdir()
    (tmp_path / "shells.det").write_text("list shells = [1]")
    policy, (problem,) = checked([main])
    assert policy is None and problem.display and "list shells = [1]" in problem.display
