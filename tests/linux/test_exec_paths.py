"""process.exec: the path of the file that runs, however it was named and wherever it lies."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bpfc.artifact.alert import Alert
from tests.linux.live import Live, active, names, only
from tests.linux.programs import (
    MS_BIND,
    exec_at,
    fork,
    in_thread,
    interpreter,
    mount,
    own_mounts,
    parent_is_this_process,
    pivot,
    raw_exec,
    run,
    wait,
)

pytestmark = [pytest.mark.bpf, pytest.mark.root]

STEPS = 192  # components that a path can have (compiler/targets/linux/path.py)


@pytest.fixture(scope="module")
def program(place: Path, busybox: Path) -> Path:
    """A program that ends at once when it is called `true`."""
    (place / "bin").mkdir()
    return Path(shutil.copy(busybox, place / "bin" / "program"))


@pytest.fixture(scope="module")
def live(place: Path) -> Iterator[Live]:
    """Every exec by this process, and rules about places."""
    mine = parent_is_this_process()
    rules = f"""
    rule seen     {{ on process.exec when {mine} alert "{{proc.exe.path}}" }}
    rule memory   {{ on process.exec when {mine} and proc.exe.in_memory alert }}
    rule disk     {{ on process.exec when {mine} and not proc.exe.in_memory alert }}
    rule inside   {{ on process.exec when {mine} and proc.exe.path under "{place}" alert }}
    rule outside  {{ on process.exec when {mine} and not proc.exe.path under "{place}" alert }}
    rule equal    {{ on process.exec when {mine} and proc.exe.path == "{place}/bin/program" alert }}
    rule script   {{ on process.exec when {mine} and proc.script.path endswith ".sh" alert }}
    rule any_script {{ on process.exec when {mine} and proc.script.path exists alert }}
    rule marked   {{ on process.exec when {mine} and proc.exe.path endswith "-end" alert }}
    rule umlaut   {{ on process.exec when {mine} and proc.exe.name == "grün" alert }}
    rule called   {{ on process.exec when {mine} and proc.invoked_as == "true" alert }}
    """
    with active(rules) as one:
        yield one


def _seen(alerts: list[Alert]) -> tuple[object, object, object]:
    """Path, name and invoked_as of the one exec."""
    fields = only(alerts, "seen").fields
    return tuple(fields.get(f"proc.{n}") for n in ("exe.path", "exe.name", "invoked_as"))  # type: ignore[return-value]


def test_an_absolute_path(live: Live, program: Path) -> None:
    alerts = live.during(lambda: run(program, ["true"]))
    assert names(alerts) == {"seen", "disk", "inside", "equal"}
    assert _seen(alerts) == (str(program), "program", "program")
    alert = only(alerts, "seen")
    assert (alert.event, alert.stage, alert.outcome) == ("process.exec", "after", "observed")
    assert (alert.certainty, alert.message) == ("certain", str(program))
    assert alert.absent == ("proc.script.path", "proc.tty") or alert.absent == ("proc.script.path",)
    assert alert.fields["proc.exe.in_memory"] is False


@pytest.mark.parametrize("named", ["./program", "../bin/program", "program", ".//./program"])
def test_a_relative_path(named: str, live: Live, program: Path) -> None:
    alerts = live.during(lambda: run(named, ["true"], lambda: os.chdir(program.parent)))
    assert names(alerts) == {"seen", "disk", "inside", "equal"}
    assert _seen(alerts) == (str(program), "program", "program")


def test_a_symbolic_link(live: Live, program: Path, place: Path) -> None:
    (place / "first").symlink_to(place / "true")
    (place / "true").symlink_to(program)
    alerts = live.during(lambda: run(place / "true", ["true"]))
    assert _seen(alerts) == (str(program), "program", "true")
    assert names(alerts) == {"seen", "disk", "inside", "equal", "called"}
    alerts = live.during(lambda: run(place / "first", ["true"]))
    assert _seen(alerts) == (str(program), "program", "first")


def test_a_directory_that_is_a_link(live: Live, program: Path, place: Path) -> None:
    (place / "linked").symlink_to(program.parent)
    alerts = live.during(lambda: run(place / "linked" / "program", ["true"]))
    assert _seen(alerts) == (str(program), "program", "program")


def test_an_applet_by_its_link(live: Live, busybox: Path, place: Path) -> None:
    links = place / "applets"
    links.mkdir()
    (links / "true").symlink_to(busybox)
    alerts = live.during(lambda: run(links / "true", ["true"]))
    assert _seen(alerts) == (str(busybox), busybox.name, "true")
    assert names(alerts) == {"seen", "disk", "outside", "called"}


def test_a_hard_link_has_its_own_path(live: Live, program: Path, place: Path) -> None:
    os.link(program, place / "hard")
    alerts = live.during(lambda: run(place / "hard", ["true"]))
    assert _seen(alerts) == (str(place / "hard"), "hard", "hard")
    assert "equal" not in names(alerts)


def _script(place: Path, name: str, first: str) -> Path:
    script = place / name
    script.write_text(f"#!{first}\nexit 0\n")
    script.chmod(0o755)
    return script


def test_a_script(live: Live, program: Path, place: Path) -> None:
    script = _script(place, "job.sh", f"{program} sh")
    alerts = live.during(lambda: run(script, ["ignored", "argument"]))
    assert _seen(alerts) == (str(program), "program", "job.sh")
    assert names(alerts) == {"seen", "disk", "inside", "equal", "script", "any_script"}
    fields = only(alerts, "seen").fields
    assert fields["proc.script.path"] == str(script)
    assert fields["proc.argv"] == [str(program), "sh", str(script), "argument"]


def test_a_script_named_relatively_through_a_link(live: Live, program: Path, place: Path) -> None:
    _script(place, "other.sh", f"{program} sh")
    (place / "link.sh").symlink_to("other.sh")
    alerts = live.during(lambda: run("./link.sh", ["x"], lambda: os.chdir(place)))
    assert _seen(alerts) == (str(program), "program", "link.sh")
    assert only(alerts, "script").fields["proc.script.path"] == "./link.sh"


def test_a_script_whose_interpreter_is_a_script(live: Live, program: Path, place: Path) -> None:
    inner = _script(place, "inner", f"{program} sh")
    outer = _script(place, "outer.sh", str(inner))
    alerts = live.during(lambda: run(outer, ["x"]))
    assert _seen(alerts) == (str(program), "program", "outer.sh")
    assert only(alerts, "script").fields["proc.script.path"] == str(outer)


def test_an_ordinary_program_has_no_script(live: Live, program: Path) -> None:
    alert = only(live.during(lambda: run(program, ["true"])), "seen")
    assert "proc.script.path" in alert.absent and "proc.script.path" not in alert.fields


def test_a_bind_mount_has_the_path_it_was_run_through(
    live: Live, program: Path, place: Path
) -> None:
    target = place / "bound"
    target.mkdir()

    def prepare() -> None:
        own_mounts()
        mount(str(program.parent), target, flags=MS_BIND)

    alerts = live.during(lambda: run(target / "program", ["true"], prepare))
    assert _seen(alerts) == (str(target / "program"), "program", "program")
    assert "equal" not in names(alerts)


def test_a_file_mounted_on_a_file(live: Live, program: Path, place: Path) -> None:
    target = place / "covered"
    target.touch()

    def prepare() -> None:
        own_mounts()
        mount(str(program), target, flags=MS_BIND)

    alerts = live.during(lambda: run(target, ["true"], prepare))
    assert _seen(alerts) == (str(target), "covered", "covered")


def test_mounts_over_mounts(live: Live, program: Path, place: Path) -> None:
    target = place / "stack"
    target.mkdir()

    def prepare() -> None:
        own_mounts()
        mount("tmpfs", target, "tmpfs")
        (target / "deeper").mkdir()
        mount("tmpfs", target / "deeper", "tmpfs")
        mount("tmpfs", target / "deeper", "tmpfs")  # covers the one below
        shutil.copy(program, target / "deeper" / "tool")

    alerts = live.during(lambda: run(target / "deeper" / "tool", ["true"], prepare))
    assert _seen(alerts) == (str(target / "deeper" / "tool"), "tool", "tool")


def test_an_overlay(live: Live, program: Path, place: Path) -> None:
    base = place / "overlay"
    base.mkdir()

    def prepare() -> None:
        own_mounts()
        mount("tmpfs", base, "tmpfs")
        for name in ("lower", "upper", "work", "merged"):
            (base / name).mkdir()
        shutil.copy(program, base / "lower" / "tool")
        layers = f"lowerdir={base}/lower,upperdir={base}/upper,workdir={base}/work"
        mount("overlay", base / "merged", "overlay", data=layers)

    alerts = live.during(lambda: run(base / "merged" / "tool", ["true"], prepare))
    assert _seen(alerts) == (str(base / "merged" / "tool"), "tool", "tool")
    assert names(alerts) == {"seen", "disk", "inside"}


def test_chroot_gives_the_whole_path(live: Live, program: Path, place: Path) -> None:
    alerts = live.during(lambda: run("/bin/program", ["true"], lambda: os.chroot(place)))
    assert _seen(alerts) == (str(program), "program", "program")
    assert "equal" in names(alerts)


def test_a_root_of_its_own(live: Live, program: Path, place: Path) -> None:
    def prepare() -> None:
        own_mounts()
        pivot(place)

    alerts = live.during(lambda: run("/bin/program", ["true"], prepare))
    assert _seen(alerts) == ("/bin/program", "program", "program")
    assert names(alerts) == {"seen", "disk", "outside"}


def _memory_file(program: Path, name: str) -> int:
    descriptor = os.memfd_create(name, 0)
    os.write(descriptor, program.read_bytes())
    return descriptor


def test_anonymous_memory(live: Live, program: Path) -> None:
    descriptor = _memory_file(program, "payload")
    try:
        alerts = live.during(lambda: wait_for(lambda: exec_at(descriptor, "", ["true"])))
        assert names(alerts) == {"seen", "memory", "outside"}
        fields = only(alerts, "memory").fields
        assert (fields["proc.exe.path"], fields["proc.exe.name"]) == (
            "/memfd:payload",
            "memfd:payload",
        )
        named = f"/proc/self/fd/{descriptor}"
        alerts = live.during(lambda: run(named, ["true"]))
        assert only(alerts, "memory").fields["proc.exe.path"] == "/memfd:payload"
        assert only(alerts, "memory").fields["proc.invoked_as"] == str(descriptor)
    finally:
        os.close(descriptor)


def wait_for(work: object) -> int:
    """Run an exec in a child and wait for the program."""
    assert callable(work)
    pid = fork(work)
    assert wait(pid) == 0
    return pid


def test_a_descriptor_without_a_name(live: Live, program: Path) -> None:
    descriptor = os.open(program, os.O_RDONLY)
    try:
        alerts = live.during(lambda: wait_for(lambda: exec_at(descriptor, "", ["true"])))
    finally:
        os.close(descriptor)
    assert names(alerts) >= {"seen", "disk", "inside", "equal"}
    assert only(alerts, "seen").fields["proc.exe.path"] == str(program)


def test_a_name_below_a_descriptor(live: Live, program: Path) -> None:
    directory = os.open(program.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        alerts = live.during(lambda: wait_for(lambda: exec_at(directory, "program", ["true"])))
    finally:
        os.close(directory)
    assert _seen(alerts) == (str(program), "program", "program")


def test_a_deleted_file_keeps_its_path(live: Live, program: Path, place: Path) -> None:
    gone = Path(shutil.copy(program, place / "gone"))
    descriptor = os.open(gone, os.O_RDONLY)
    gone.unlink()
    try:
        alerts = live.during(lambda: wait_for(lambda: exec_at(descriptor, "", ["true"])))
    finally:
        os.close(descriptor)
    fields = only(alerts, "seen").fields
    assert (fields["proc.exe.path"], fields["proc.exe.name"]) == (str(gone), "gone")
    assert names(alerts) >= {"disk", "inside"} and "memory" not in names(alerts)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"n" * 251 + b"-end", "n" * 251 + "-end"),
        (b"\xff\xfe\x80-end", r"\xff\xfe\x80-end"),
        (b"two words\n-end", "two words\n-end"),
        ("日本-end".encode(), "日本-end"),
    ],
    ids=["255 bytes", "not UTF-8", "white space", "UTF-8"],
)
def test_names_of_every_kind(
    name: bytes, shown: str, live: Live, program: Path, place: Path
) -> None:
    path = os.path.join(os.fsencode(place), name)
    shutil.copy(os.fsencode(program), path)
    alerts = live.during(lambda: run(path, ["true"]))
    assert _seen(alerts) == (f"{place}/{shown}", shown, shown)
    assert names(alerts) == {"seen", "disk", "inside", "marked"}


def test_a_literal_beyond_ascii(live: Live, program: Path, place: Path) -> None:
    path = Path(shutil.copy(program, place / "grün"))
    assert "umlaut" in names(live.during(lambda: run(path, ["true"])))


def test_a_program_started_by_another_thread(live: Live, program: Path) -> None:
    alerts = live.during(
        lambda: wait_for(lambda: in_thread(lambda: raw_exec(str(program), ["true"])))
    )
    assert _seen(alerts) == (str(program), "program", "program")


def _deep(place: Path, program: Path, name: str, part: str, count: int) -> Path:
    """A program below `count` directories; the last one is entered step by step."""
    top = place / name
    top.mkdir()
    back = os.open(".", os.O_RDONLY)
    try:
        os.chdir(top)
        for _ in range(count):
            os.mkdir(part)
            os.chdir(part)
        shutil.copy(program, "program")
    finally:
        os.fchdir(back)
        os.close(back)
    return top


def _enter(top: Path, part: str, count: int) -> None:
    os.chdir(top)
    for _ in range(count):
        os.chdir(part)


@pytest.mark.parametrize(
    ("part", "deeper"), [("d", 0), ("p" * 200, -STEPS + 18)], ids=["many parts", "long parts"]
)
def test_the_deepest_path_that_is_resolved(
    part: str, deeper: int, live: Live, program: Path, place: Path
) -> None:
    # The steps: each directory, the program itself, each mount point, and the root.
    mounts = len(os.path.normpath(place).split("/"))
    count = STEPS - mounts - 8 + deeper
    top = _deep(place, program, f"fits{len(part)}", part, count)
    before = live.counter("path_too_long")
    alerts = live.during(lambda: run("./program", ["true"], lambda: _enter(top, part, count)))
    shutil.rmtree(top)
    assert _seen(alerts)[0] == f"{top}/" + f"{part}/" * count + "program"
    assert names(alerts) == {"seen", "disk", "inside"}
    assert live.counter("path_too_long") == before


@pytest.mark.parametrize(("part", "count"), [("d", 200), ("p" * 250, 17)], ids=["parts", "bytes"])
def test_a_path_that_is_too_long_is_unknown(
    part: str, count: int, live: Live, program: Path, place: Path
) -> None:
    top = _deep(place, program, f"deep{count}", part, count)
    before = live.counter("path_too_long"), live.statistics("inside").unknown
    alerts = live.during(lambda: run("./program", ["true"], lambda: _enter(top, part, count)))
    shutil.rmtree(top)
    # A positive test does not fire, a negated one does, and says that it is not sure.
    assert names(alerts) == {"seen", "disk", "outside"}
    alert = only(alerts, "outside")
    assert alert.certainty == "partial" and only(alerts, "seen").certainty == "certain"
    assert {"proc.exe.path", "proc.exe.name"} <= set(alert.unknown)
    assert "proc.exe.path" not in alert.fields
    assert alert.fields["proc.invoked_as"] == "program"
    after = live.counter("path_too_long"), live.statistics("inside").unknown
    assert after[0] > before[0] and after[1] > before[1]


def test_this_interpreter_as_the_kernel_sees_it(live: Live) -> None:
    alerts = live.during(lambda: run(interpreter(), ["python", "-I", "-S", "-c", "pass"]))
    assert _seen(alerts)[0] == interpreter()
