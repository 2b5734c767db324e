"""What container runtimes say of containers and images: Docker's API, "inspect"."""

import re
from collections.abc import Mapping

from bpfc.artifact.decode import State
from bpfc.userspace.reasons import Answer, Reason, Unknown

IDENTITY = "container.id"
DIGEST = "container.image.digest"
CONTAINER: Mapping[str, tuple[str, str]] = {
    IDENTITY: ("string", "Id of the container, 64 hexadecimal digits."),
    "container.name": ("string", "Name of the container."),
    "container.image": ("string", "Image of the container, as it was named when it was made."),
    "container.image.tag": ("string", "Tag of that image; latest if it was named without one."),
    DIGEST: ("string", "Digest of that image in its registry, as sha256:DIGITS."),
    "container.image.id": ("string", "Id of that image, as sha256:DIGITS."),
    "container.privileged": ("bool", "Whether the container was given all privileges."),
    "container.pod.name": ("string", "Name of the Kubernetes pod the container belongs to."),
    "container.pod.namespace": ("string", "Namespace of that pod."),
}
_LABELS = {
    "container.pod.name": "io.kubernetes.pod.name",
    "container.pod.namespace": "io.kubernetes.pod.namespace",
}
_DIGITS = re.compile(r"[0-9a-f]{64}")
_IMAGE_ID = re.compile(r"(sha256:)?[0-9a-f]{12,64}")
# distribution/reference: [HOST[:PORT]/]PATH[:TAG][@DIGEST]
_REFERENCE = re.compile(
    r"(?P<repository>(?:[^/@]+/)*[^/:@]+)(?::(?P<tag>[\w.-]{1,128}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def container_answers(told: object, number: str, text: int) -> dict[str, Answer]:
    """The answers of all sources but the image's digest, where its name does not tell that.

    Args:
        told: JSON of GET /containers/ID/json.
        number: the id that was asked for.
        text: characters; a longer string is unknown.

    Raises:
        Unknown: that is not an answer to the question.
    """
    if _member(told, "Id") != number:
        raise Unknown(Reason.NO_ANSWER)
    image = _text(_member(told, "Config", "Image"), text)
    name = _text(_member(told, "Name"), text)
    privileged = _member(told, "HostConfig", "Privileged")
    labels = _member(told, "Config", "Labels")
    answers: dict[str, Answer] = {
        "container.name": name.removeprefix("/") if isinstance(name, str) else name,
        "container.image": image,
        "container.image.tag": _tag(image),
        "container.image.id": _identity(_member(told, "Image")),
        "container.privileged": privileged if isinstance(privileged, bool) else Reason.BROKEN,
    }
    for source, label in _LABELS.items():
        value = labels.get(label) if isinstance(labels, dict) else None
        answers[source] = State.ABSENT if value is None else _text(value, text)
    if isinstance(image, str) and (parts := _REFERENCE.fullmatch(image)) and parts["digest"]:
        answers[DIGEST] = parts["digest"]
    return answers


def digest_of(told: object, image: str, text: int) -> Answer:
    """The digest of an image in its registry.

    Args:
        told: JSON of GET /images/ID/json.
        image: how the container names its image.
        text: characters; a longer string is unknown.

    Returns:
        That of the repository that the container names, else the first one; ABSENT for an image
        that never was in a registry.
    """
    digests = _member(told, "RepoDigests")
    if digests is None:
        return State.ABSENT
    if not isinstance(digests, list):
        return Reason.BROKEN
    wanted = _REFERENCE.fullmatch(image)
    found: Answer = State.ABSENT
    for one in digests:
        parts = _REFERENCE.fullmatch(one) if isinstance(one, str) and len(one) <= text else None
        if parts is None or parts["digest"] is None:
            continue
        if wanted is not None and parts["repository"] == wanted["repository"]:
            return parts["digest"]
        if found is State.ABSENT:
            found = parts["digest"]
    return found


def _member(told: object, *names: str) -> object:
    """A member of nested objects; None if there is none."""
    for name in names:
        told = told.get(name) if isinstance(told, dict) else None
    return told


def _text(value: object, text: int) -> Answer:
    if not isinstance(value, str) or not value:
        return Reason.BROKEN
    return value if len(value) <= text else Reason.TOO_BIG


def _tag(image: Answer) -> Answer:
    if not isinstance(image, str):
        return image
    parts = _REFERENCE.fullmatch(image)
    if parts is None or _IMAGE_ID.fullmatch(image):
        return State.ABSENT
    return parts["tag"] or (State.ABSENT if parts["digest"] else "latest")


def _identity(value: object) -> Answer:
    """The id of an image; Podman names them by the digits alone."""
    digits = value.removeprefix("sha256:") if isinstance(value, str) else ""
    return f"sha256:{digits}" if _DIGITS.fullmatch(digits) else Reason.BROKEN
