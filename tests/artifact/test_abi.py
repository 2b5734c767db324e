"""The tables of both systems: against the running kernel where it can be asked."""

import ctypes
import os
import platform
import struct

import pytest

from bpfc.abi import linux, windows

_NR_BPF = {"x86_64": 321, "aarch64": 280}
_PROG_LOAD = 5
_REFUSALS = ("unknown func", "cannot use helper", "invalid func")
# Types whose programs load without a target in the kernel's BTF.
_PLAIN = (
    linux.ProgramType.KPROBE,
    linux.ProgramType.TRACEPOINT,
    linux.ProgramType.RAW_TRACEPOINT,
    linux.ProgramType.CGROUP_SOCK_ADDR,
    linux.ProgramType.XDP,
)
# Types for which the table is complete: those bpfc's own programs have.
_COMPLETE = (linux.ProgramType.RAW_TRACEPOINT, linux.ProgramType.CGROUP_SOCK_ADDR)


def _verifier_says(program: linux.ProgramType, helper: int) -> str:
    """The verifier's log for a program whose first instruction calls a helper."""
    code = struct.pack("<BBhiBBhiBBhi", 0x85, 0, 0, helper, 0xB7, 0, 0, 0, 0x95, 0, 0, 0)
    insns, license_, log = (
        ctypes.create_string_buffer(b, n)
        for b, n in ((code, len(code)), (b"GPL\0", 4), (b"", 65536))
    )
    attach = (
        linux.AttachType.CGROUP_INET4_CONNECT
        if program is linux.ProgramType.CGROUP_SOCK_ADDR
        else 0
    )
    attr = struct.pack(
        "<IIQQIIQII16sII",
        program, 3, ctypes.addressof(insns), ctypes.addressof(license_), 1, len(log),
        ctypes.addressof(log), 0, 0, b"abi", 0, attach,
    )  # fmt: skip
    union = ctypes.create_string_buffer(attr + bytes(128 - len(attr)), 128)
    call = ctypes.CDLL(None, use_errno=True).syscall
    fd = call(_NR_BPF[platform.machine()], _PROG_LOAD, union, 128)
    if fd >= 0:
        os.close(fd)
    return log.value.decode(errors="replace")


@pytest.mark.bpf
@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_running_kernel_agrees_on_who_may_call_which_helper() -> None:
    release = tuple(int(p) for p in platform.release().split("-")[0].split(".")[:2])
    kernel = (release[0], release[1])
    differences = []
    for program in _PLAIN:
        for helper in linux.HELPERS.values():
            log = _verifier_says(program, helper.number)
            assert log, f"no answer for {program.name} {helper.name}"
            allowed = not any(refusal in log for refusal in _REFUSALS)
            said = linux.helper_allowed(helper.name, program, kernel)
            if (said and not allowed) or (allowed and not said and program in _COMPLETE):
                differences.append((program.name, helper.name, allowed))
    assert not differences


def test_versions_never_precede_the_helper() -> None:
    for helper in linux.HELPERS.values():
        for since in helper.callers.values():
            assert since >= linux.OLDEST
            assert since >= helper.since
    assert len(linux.HELPER_NAMES) == len(linux.HELPERS)


def test_send_signal_in_cgroup_programs_needs_a_newer_kernel() -> None:
    addr, raw = linux.ProgramType.CGROUP_SOCK_ADDR, linux.ProgramType.RAW_TRACEPOINT
    assert not linux.helper_allowed("send_signal", addr, (6, 12))
    assert linux.helper_allowed("send_signal", addr, (6, 18))
    assert linux.helper_allowed("send_signal", raw, (5, 10))
    assert not linux.helper_allowed("task_storage_get", raw, (5, 10))


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("process", "process"),
        ("process/exec", "process"),
        ("cgroup/connect4", "cgroup/connect4"),
        ("cgroup/connect_authorization4", "cgroup/connect_authorization4"),
        ("bindfoo", "bind"),
    ],
)
def test_longest_prefix_decides_a_windows_section(name: str, prefix: str) -> None:
    section = windows.section_of(name)
    assert section is not None
    assert section.prefix == prefix


@pytest.mark.parametrize("name", ["", "?process", "raw_tp/sched_process_exec", "cgroup/sendmsg4"])
def test_other_sections_are_not_windows_programs(name: str) -> None:
    assert windows.section_of(name) is None


def test_context_members_lie_inside_their_context() -> None:
    for context in windows.CONTEXTS.values():
        ends = [m.offset + m.size for m in context.members.values()]
        assert max(ends) <= context.size
    assert linux.SOCK_ADDR["sk"].offset + 8 == linux.SOCK_ADDR_SIZE
    assert set(windows.CONTEXTS) == set(windows.ProgramType) == set(windows.SPECIAL_HELPERS)


def test_one_number_names_another_helper_in_each_program_type() -> None:
    kinds = windows.ProgramType
    assert windows.helper_name(65536, kinds.PROCESS) == "get_image_path"
    assert windows.helper_name(65536, kinds.SOCK_OPS) == "get_flow_id"
    assert windows.helper_name(65536, kinds.BIND) is None
    assert windows.helper_name(1, kinds.BIND) == "map_lookup_elem"
    assert windows.helper_name(113, kinds.PROCESS) is None


def test_core_helpers_and_maps_have_one_number_on_both_systems() -> None:
    for name in ("map_lookup_elem", "map_update_elem", "map_delete_elem", "get_smp_processor_id"):
        assert linux.HELPERS[name].number == windows.HELPERS[name]
    for kind in ("HASH", "ARRAY", "PROG_ARRAY"):
        assert linux.MapType[kind].value == windows.MapType[kind].value
