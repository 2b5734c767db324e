"""What looking things up may cost."""

from attrs import frozen


@frozen
class Bounds:
    """Limits of one `Sources`.

    Args:
        file_size: bytes from which on a program file is not read.
        pe_size: bytes from which on a PE file is not taken apart, since that needs all of it in
            memory.
        text: characters of a string of a version resource or of a container's; a longer one is
            unknown.
        seconds: time of a batch for reading, and as much again for finding out what to read.
        pe_seconds: time for taking apart one PE file; one that takes longer counts as broken.
        files: program files whose values are kept.
        names: users and groups whose names are kept.
        names_seconds: how long a name is kept before it is looked up again.
        answer: bytes of an answer of a container runtime.
        answer_seconds: how long a container runtime may take to answer.
        containers: containers of which values are kept, and cgroups of which containers are known.
        retry_seconds: when a container that no runtime told of is asked for again.
    """

    file_size: int = 256 << 20
    pe_size: int = 64 << 20
    text: int = 512
    seconds: float = 2.0
    pe_seconds: float = 0.5
    files: int = 4096
    names: int = 4096
    names_seconds: float = 300.0
    answer: int = 4 << 20
    answer_seconds: float = 0.5
    containers: int = 1024
    retry_seconds: float = 10.0
