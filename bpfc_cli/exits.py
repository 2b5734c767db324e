"""How a command ends."""

from bpfc_cli.problems import Problem

OK = 0
FINDINGS = 1  # something is wrong with the rules or the artifact
USAGE = 2  # something is wrong with the command line: an option, a file that is not there
CANNOT = 3  # this machine, or this installation, cannot do it
INTERNAL = 70  # a bug in bpfc (EX_SOFTWARE, sysexits.h)
INTERRUPTED = 130  # Ctrl-C, as shells count it

HELP = (
    "Exit codes: 0 all is well; 1 findings in the rules or the artifact; 2 the command line is "
    "wrong, or a file it names cannot be used; 3 this machine or this installation cannot do it; "
    "70 an internal error of bpfc."
)


class Stop(Exception):
    """End the command: some problems to show, and an exit code.

    Args:
        code: one of the constants above.
        problems: what to show, in order.
    """

    def __init__(self, code: int, *problems: Problem) -> None:
        super().__init__(code, *problems)
        self.code = code
        self.problems = problems
