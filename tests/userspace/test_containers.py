"""Containers: by cgroup, and what runtimes say of them, also when they say something else."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bpfc.artifact.decode import State, Value
from bpfc.userspace import runtimes
from bpfc.userspace.bounds import Bounds
from bpfc.userspace.cgroups import Cgroups
from bpfc.userspace.containers import Container, container_of
from bpfc.userspace.fields import Sources
from bpfc.userspace.inspecting import CONTAINER
from tests.userspace.runtime import DIGEST, ID, IMAGE, Runtime, http, inspected, running

NEEDS: tuple[Value | State, ...] = (4711, 10**9, State.UNKNOWN)
OTHER = "0a" * 32
REPOSITORY = "registry.example:5000/shop/web"
IMAGE_JSON = {"RepoDigests": [f"mirror/web@sha256:{'77' * 32}", f"{REPOSITORY}@{DIGEST}"]}
EXPECTED: dict[str, Value | State] = {
    "container.id": ID,
    "container.name": "web",
    "container.image": f"{REPOSITORY}:1.25",
    "container.image.tag": "1.25",
    "container.image.digest": DIGEST,
    "container.image.id": IMAGE,
    "container.privileged": True,
    "container.pod.name": "web-7d9",
    "container.pod.namespace": "shop",
}


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    """A runtime that knows one container."""
    monkeypatch.setattr(runtimes, "_OWNER", os.getuid())
    with running(tmp_path / "r.sock") as found:
        found.tell(inspected(), IMAGE_JSON)
        yield found


class Place:
    """Where processes are."""

    def __init__(self, *paths: str, exact: bool = False) -> None:
        """They are in these cgroups."""
        self.found: Cgroups | None = Cgroups(paths, exact)
        self.asked: list[tuple[int | None, ...]] = []

    def __call__(self, pid: int | None, start: int | None, cgroup: int | None) -> Cgroups | None:
        """Look."""
        self.asked.append((pid, start, cgroup))
        return self.found


def sources(runtime: Runtime, place: Place | None = None, bounds: Bounds | None = None) -> Sources:
    """Sources that ask a runtime of a process in its container."""
    place = place or Place(f"/system.slice/docker-{ID}.scope")
    missing = runtime.path + ".none"
    return Sources(bounds=bounds or Bounds(), cgroups=place, sockets=(missing, runtime.path))


def why(found: Sources) -> set[str]:
    """The reasons that were counted."""
    return {reason for reason, count in found.counts.unknown.items() if count}


@pytest.mark.parametrize(
    "path",
    [
        f"/docker/{ID}",
        f"/system.slice/docker-{ID}.scope",
        f"/system.slice/docker-{ID}.scope/init.scope",
        f"/machine.slice/libpod-{ID}.scope/container",
        f"/libpod_parent/libpod-{ID}",
        f"/machine.slice/libpod-payload-{ID}",
        f"/kubepods/burstable/pod1c0d1f0a-2f1e-4b1e-9a53-0a1b2c3d4e5f/{ID}",
        f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1c.slice/cri-containerd-{ID}.scope",
        f"/kubepods.slice/kubepods-pod1c.slice/crio-{ID}.scope/container",
        f"/system.slice/containerd.service/kubepods-burstable-pod1c.slice:cri-containerd:{ID}",
        f"/system.slice/nerdctl-{ID}.scope",
        f"/docker/{ID}/docker/{OTHER}",  # a container may name its own cgroups as it likes
        f"/system.slice/docker-{ID}.scope/user@0.service/docker-{OTHER}.scope",
    ],
)
def test_names_of_cgroups(path: str) -> None:
    assert container_of((path,)) == Container(ID, False)
    assert container_of(("/", path)) == Container(ID, False)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/user.slice/user-1000.slice/session-3.scope",
        "/system.slice/docker.service",
        f"/machine.slice/libpod-conmon-{ID}.scope",
        f"/kubepods.slice/crio-conmon-{ID}.scope",
        f"/x/{ID[:-1]}",
        f"/x/{ID}0",
        f"/x/{ID.upper()}",
        f"/x/other-{ID}.scope",
        f"/x/docker-{ID}.scope.d",
    ],
)
def test_names_of_other_cgroups(path: str) -> None:
    assert container_of((path,)) is None


def test_everything_that_a_runtime_says(runtime: Runtime) -> None:
    found = sources(runtime)
    assert {name: found.value(name, NEEDS) for name in CONTAINER} == EXPECTED
    assert len(runtime.asked) == 2 and why(found) == set()
    found.begin()
    assert {name: found.value(name, NEEDS) for name in CONTAINER} == EXPECTED
    assert len(runtime.asked) == 2
    # Of the first batch six values came with another one; where the process is was looked up twice.
    assert found.counts.from_cache == 6 + 8


def test_what_is_in_no_container(runtime: Runtime) -> None:
    found = sources(runtime, Place("/user.slice"))
    assert {found.value(name, NEEDS) for name in CONTAINER} == {State.ABSENT}
    assert runtime.asked == []


@pytest.mark.parametrize(
    ("image", "digests", "tag", "digest"),
    [
        ("web", [], "latest", State.ABSENT),
        ("host:5000/a/web", None, "latest", State.ABSENT),
        ("web:1", [f"other@{DIGEST}", "broken", 5, f"web@{IMAGE}"], "1", IMAGE),
        ("web:1", [f"other@{DIGEST}"], "1", DIGEST),
        (f"web@{DIGEST}", [], State.ABSENT, DIGEST),
        (f"a/web:2@{DIGEST}", [], "2", DIGEST),
        (IMAGE, [], State.ABSENT, State.ABSENT),
        (IMAGE[7:19], [], State.ABSENT, State.ABSENT),
        ("web", "no list", "latest", State.UNKNOWN),
    ],
)
def test_names_of_images(
    runtime: Runtime, image: str, digests: object, tag: Value | State, digest: Value | State
) -> None:
    runtime.tell(inspected(Config={"Image": image}), {"RepoDigests": digests})
    found = sources(runtime)
    assert found.value("container.image", NEEDS) == image
    assert found.value("container.image.tag", NEEDS) == tag
    assert found.value("container.image.digest", NEEDS) == digest
    assert found.value("container.pod.name", NEEDS) is State.ABSENT


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (http(404, b"{}"), "unknown container"),
        (http(500, b"{}"), "no answer"),
        (http(200, b""), "no answer"),
        (http(200, b"{"), "no answer"),
        (http(200, b"[" * 100_000), "no answer"),
        (http(200, b'"\xff"'), "no answer"),
        (http(200, b"[]"), "no answer"),
        (http(200, json.dumps(inspected(Id=OTHER)).encode()), "no answer"),
        (http(200, b"{}", "Content-Length: 1000\r\n"), "no answer"),
        (http(200, b"zz\r\n", "Transfer-Encoding: chunked\r\n"), "no answer"),
        (b"", "no answer"),
        (b"SSH-2.0-x\r\n", "no answer"),
        (http(200, b" " * (64 << 10)), "no answer"),
        (b"HTTP/1.0 200 x\r\n" + b"a: b\r\n" * 30_000, "no answer"),
    ],
    ids=[
        *("404", "500", "empty", "cut off", "nested", "no text", "list", "another container"),
        *("short body", "broken chunk", "nothing", "no HTTP", "long", "many headers"),
    ],
)
def test_answers_that_are_none(runtime: Runtime, answer: bytes, reason: str) -> None:
    runtime.answers[f"/containers/{ID}/json"] = answer
    found = sources(runtime, bounds=Bounds(answer=60 << 10))
    assert found.value("container.name", NEEDS) is State.UNKNOWN
    assert why(found) == {reason}
    assert found.value("container.id", NEEDS) == ID


@pytest.mark.parametrize(
    "changes",
    [
        {"Name": 5, "Image": "x y", "Config": {"Labels": []}, "HostConfig": None},
        {"Name": "", "Image": None, "Config": None, "HostConfig": {"Privileged": "yes"}},
        {"Name": "n" * 513, "Image": "sha256:", "Config": {"Image": "i" * 513}, "HostConfig": []},
    ],
)
def test_values_of_another_type_are_unknown(runtime: Runtime, changes: dict[str, object]) -> None:
    runtime.tell(inspected(**changes))
    found = sources(runtime)
    answers = {name: found.value(name, NEEDS) for name in CONTAINER}
    assert answers.pop("container.id") == ID
    pods = {answers.pop("container.pod.name"), answers.pop("container.pod.namespace")}
    assert pods == {State.ABSENT} and set(answers.values()) == {State.UNKNOWN}
    assert runtime.asked == [f"/containers/{ID}/json"]


def test_a_slow_runtime_is_given_up(runtime: Runtime) -> None:
    runtime.pause = 0.02
    found = sources(runtime, bounds=Bounds(answer_seconds=0.1))
    assert found.value("container.name", NEEDS) is State.UNKNOWN
    assert why(found) == {"no answer"}
    other = sources(runtime, bounds=Bounds(seconds=0))
    assert other.value("container.name", NEEDS) is State.UNKNOWN
    assert why(other) == {"budget"}


def test_a_failure_is_remembered_for_a_while(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("bpfc.userspace.containers.monotonic", lambda: now[0])
    answer = runtime.answers.pop(f"/containers/{ID}/json")
    found = sources(runtime)
    for _ in range(3):
        assert found.value("container.name", NEEDS) is State.UNKNOWN
        found.begin()
    assert len(runtime.asked) == 1 and found.counts.unknown["unknown container"] == 3
    runtime.answers[f"/containers/{ID}/json"] = answer
    now[0] += 10.0
    assert found.value("container.name", NEEDS) == "web"


def test_only_root_s_sockets_are_asked(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "_OWNER", os.getuid() + 1)
    found = sources(runtime)
    assert found.value("container.name", NEEDS) is State.UNKNOWN
    assert why(found) == {"no container runtime"} and runtime.asked == []


def test_names_that_users_make_up_are_not_believed(runtime: Runtime) -> None:
    path = f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope"
    found = sources(runtime, Place(path))
    assert found.value("container.id", NEEDS) == ID
    assert found.value("container.name", NEEDS) is State.UNKNOWN
    assert why(found) == {"no container runtime"} and runtime.asked == []


def test_processes_that_are_gone_are_known_by_their_cgroup(runtime: Runtime) -> None:
    place = Place(f"/docker/{ID}", exact=True)
    found = sources(runtime, place)
    assert found.value("container.name", (1, 2, 77)) == "web"
    place.found = None
    found.begin()
    assert found.value("container.name", (3, 4, 77)) == "web"
    assert found.value("container.id", (State.UNKNOWN, State.UNKNOWN, 77)) == ID
    assert found.value("container.id", (3, 4, 78)) is State.UNKNOWN
    assert found.value("container.id", (3, 4, 78)) is State.UNKNOWN
    assert why(found) == {"gone"} and found.counts.unknown["gone"] == 2
    assert place.asked == [(1, 2, 77), (3, 4, 78)]


def test_a_cgroup_that_the_process_may_have_left_is_not_kept(runtime: Runtime) -> None:
    place = Place(f"/docker/{ID}", exact=False)
    found = sources(runtime, place)
    assert found.value("container.id", (1, 2, 77)) == ID
    place.found = Cgroups(("/",), False)
    assert found.value("container.id", (3, 4, 77)) is State.ABSENT


def test_what_the_record_does_not_say(runtime: Runtime) -> None:
    place = Place()
    found = sources(runtime, place)
    for needs in ((State.UNKNOWN, 5, State.UNKNOWN), (5, State.ABSENT, State.ABSENT)):
        assert found.value("container.id", needs) is State.UNKNOWN
    assert why(found) == {"not recorded"} and place.asked == []
    assert Sources().value("container.id", NEEDS) is State.UNKNOWN


def test_no_more_containers_are_kept_than_allowed(runtime: Runtime) -> None:
    places = [Place(f"/docker/{n:064x}") for n in range(20)]
    found = sources(runtime, places[0], Bounds(containers=4))
    for place in places:
        places[0].found = place.found
        found.begin()
        found.value("container.name", NEEDS)
    assert len(runtime.asked) == 20
    assert found.counts.unknown["unknown container"] == 20
