"""The one error that writing or reading a recording can end in.

The codes' long explanations stand in `codes.toml`.
"""


class RecordingError(Exception):
    """A recording that cannot be used, in a form that can be shown as it is.

    Args:
        code: "BPFC094x", a key of codes.toml.
        message: what is wrong, with place and numbers.
        remedy: what to do about it.
    """

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(f"{code}: {message}. {remedy}")
        self.code = code
        self.message = message
        self.remedy = remedy
