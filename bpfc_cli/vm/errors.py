"""What can go wrong around virtual machines, as diagnostics; long texts are in `codes.toml`."""

import tomllib
from importlib.resources import files


class VmError(Exception):
    """Something that keeps a virtual machine from working, in a form that can be shown as it is.

    Args:
        code: "BPFC08xx", a key of codes.toml.
        message: one sentence, what is wrong and with what.
        remedy: one sentence, what to do about it.
        detail: what a tool or the guest's console said, several lines; may be empty.
    """

    def __init__(self, code: str, message: str, remedy: str, detail: str = "") -> None:
        super().__init__(code, message, remedy, detail)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.detail = detail

    def __str__(self) -> str:
        indented = "".join(f"\n    {line}" for line in self.detail.splitlines())
        return f"{self.code}: {self.message}{indented}\n  remedy: {self.remedy}"


class CommandTimeout(VmError):
    """A command in a guest took too long and was killed.

    Args:
        message: one sentence, which command and how long.
        stdout: what it had written until then.
        stderr: the same for its errors.
        console: the guest's console.
    """

    def __init__(self, message: str, stdout: str, stderr: str, console: str) -> None:
        super().__init__(
            "BPFC0812", message, "give it more time, or find what it waits for", stderr
        )
        self.stdout = stdout
        self.stderr = stderr
        self.console = console


def explanations() -> dict[str, tuple[str, str]]:
    """The long texts of the codes.

    Returns:
        (title, text) by code.
    """
    raw = tomllib.loads(files("bpfc_cli.vm").joinpath("codes.toml").read_text("utf-8"))
    return {code: (entry["title"], entry["text"]) for code, entry in raw.items()}
