"""What libbpf and the verifier say becomes one diagnostic that names rule and line."""

from collections.abc import Iterator

import pytest

from bpfc.artifact.container import Artifact
from bpfc.artifact.lines import line_places
from bpfc.runtime.errors import SensorError
from runtime_linux.diagnostics import load_error, read_log
from runtime_linux.objects import BpfObject, LoadFailure
from runtime_linux.platform import LinuxPlatform
from tests.runtime import tiny

NEW = """0: R1=ctx() R10=fp0
; when proc.pid > 0 @ rules.det:4
12: (71) r1 = *(u8 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
processed 13 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 1
"""
OLD = NEW.replace(" @ rules.det:4", "")
TWICE = "; alert @ rules.det:5\n1: (b7) r0 = 0\n; deny EPERM @ x/rules.det:9\nR0 !read_ok\n"


@pytest.fixture(scope="module")
def broken() -> Iterator[Artifact]:
    """A policy whose adapter on exec does not pass the verifier."""
    yield tiny.build(broken=True)


@pytest.mark.parametrize(
    ("log", "reason", "text", "place"),
    [
        (NEW, "R0 invalid mem access 'map_value_or_null'", "when proc.pid > 0", ("rules.det", 4)),
        (OLD, "R0 invalid mem access 'map_value_or_null'", "when proc.pid > 0", ("", 0)),
        (TWICE, "R0 !read_ok", "deny EPERM", ("rules.det", 9)),
        ("", "", "", ("", 0)),
    ],
)
def test_a_log_gives_its_last_sentence_and_line(
    log: str, reason: str, text: str, place: tuple[str, int]
) -> None:
    found = read_log(log)
    assert (found.reason, found.text, (found.file, found.line)) == (reason, text, place)


@pytest.mark.parametrize("log", [NEW, OLD])
def test_logs_of_old_and_new_kernels_name_the_same_rule(log: str, broken: Artifact) -> None:
    failure = LoadFailure(13, "a_exec", log, ())
    error = load_error(failure, broken.manifest.rules, line_places(broken.data))
    assert (error.code, error.rules, error.file, error.line) == (
        "BPFC0705", ("started",), "rules.det", 4,
    )  # fmt: skip


def test_what_is_not_a_program_is_named_as_libbpf_does() -> None:
    messages = ("libbpf: map 'x': failed to create", "libbpf: map 'x': failed to create")
    error = load_error(LoadFailure(12, "", "", messages), (), {})
    assert error.code == "BPFC0706" and error.message.count("failed to create") == 1
    assert load_error(LoadFailure(1, "a", "", ()), (), {}).code == "BPFC0703"


def test_line_tables_say_where_a_text_stands(broken: Artifact) -> None:
    assert line_places(broken.data)["when proc.pid > 0"] == {("rules.det", 4)}


@pytest.mark.parametrize("section", [b".BTF\0", b".BTF.ext\0"])
def test_an_object_without_a_line_table_has_no_places(broken: Artifact, section: bytes) -> None:
    other = section.replace(b"BTF", b"BFT")
    assert line_places(broken.data.replace(b"\0" + section, b"\0" + other)) == {}


@pytest.mark.bpf
def test_the_kernel_refuses_a_program_and_the_rule_is_named(
    broken: Artifact, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SensorError) as error:
        LinuxPlatform().verify(broken)
    found = error.value
    assert (found.code, found.rules, found.file, found.line) == (
        "BPFC0705", ("started",), "rules.det", 4,
    )  # fmt: skip
    assert "when proc.pid > 0" in found.message and "\n" not in found.message
    assert capfd.readouterr() == ("", "")


@pytest.mark.bpf
@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"no object at all" * 100])
def test_what_libbpf_cannot_read_is_one_diagnostic(
    data: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SensorError) as error:
        BpfObject(data)
    assert error.value.code == "BPFC0704"
    assert capfd.readouterr() == ("", "")
