"""The one error that reading an artifact, or a record made by it, can end in.

The codes' long explanations stand in `codes.toml`.
"""


class ArtifactError(Exception):
    """An artifact that cannot be used, in a form that can be shown as it is.

    Args:
        code: "BPFC075x to 077x", a key of codes.toml.
        message: what is wrong, with place and numbers.
        remedy: what to do about it.
    """

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(f"{code}: {message}. {remedy}")
        self.code = code
        self.message = message
        self.remedy = remedy


class RecordError(ArtifactError):
    """A record from the ring that does not follow its layout."""

    def __init__(self, message: str) -> None:
        super().__init__(
            "BPFC0770",
            message,
            "The record is left out; the programs that wrote it belong to another version",
        )
