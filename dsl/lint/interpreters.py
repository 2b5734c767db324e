"""Tests against the exact path of an interpreter, which hold on few machines and not for long."""

import re
from posixpath import basename

from dsl.ancestry import ANCESTOR
from dsl.catalogue import Kind
from dsl.diagnostics import Collector, Diagnostic, shown
from dsl.typed import Op, Test

# Usually links, or named with their version, or in other places on other distributions.
_VERSIONED = re.compile(r"(python|perl|ruby|lua|luajit|php|tclsh|guile|node|nodejs|java)[0-9.]*")
_SHELL = re.compile(r"(a|ba|c|da|fi|k|mk|tc|z)?sh|pwsh|busybox|[gmn]?awk")
_SUBJECT = ".exe.path"


def warn(test: Test, report: Collector) -> None:
    """Warn of a test against an interpreter's path.

    Args:
        test: of a rule.
        report: takes the warning.
    """
    subject = test.field.name.removesuffix(_SUBJECT)
    by_path = test.field.kind is Kind.PATH and subject != test.field.name
    if not by_path or test.op is not Op.EQ or test.exact:
        return
    paths = [value.decode() for value in test.values if isinstance(value, bytes)]
    found = next((path for path in paths if _is_interpreter(path)), None)
    if found is None:
        return
    report.add(
        Diagnostic(
            "BPFC0529",
            "warning",
            f"`{shown(found)}` is an interpreter: where the file is that runs differs",
            test.span,
            remedy=f"write `{_instead(subject, basename(found))}`, or test"
            f" `{_owner(subject)}.invoked_as`; `exact` if this very file is meant",
        )
    )


def _owner(subject: str) -> str:
    """Whose program it is: the process of the event, or an ancestor."""
    return ANCESTOR if subject == ANCESTOR else "proc"


def _is_interpreter(path: str) -> bool:
    """Whether a path is that of a known interpreter."""
    name = basename(path)
    return path.startswith("/") and bool(_VERSIONED.fullmatch(name) or _SHELL.fullmatch(name))


def _instead(subject: str, name: str) -> str:
    """A test that holds on other machines, too."""
    versioned = _VERSIONED.fullmatch(name)
    if versioned:
        return f'{subject}.exe.name startswith "{versioned[1]}"'
    names = ["dash", "bash", "busybox"] if name == "sh" else [name]
    return f"{subject}.exe.name in {names}".replace("'", '"')
