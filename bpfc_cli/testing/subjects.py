"""What is tested: a policy as it is compiled."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bpfc_cli.exits import USAGE, Stop
from bpfc_cli.problems import of_diagnostic
from bpfc_cli.render import show

if TYPE_CHECKING:
    from bpfc.artifact.container import Artifact
    from dsl.typed import Policy


def subject(
    policy: "Policy", texts: Mapping[str, str], allow_partial: bool, for_kernel: bool
) -> "Artifact":
    """Compile a policy to be tested.

    Args:
        policy: checked.
        texts: of its files, by name.
        allow_partial: leave out, instead of refusing, rules that Linux cannot carry.
        for_kernel: whether a kernel is to judge, for which programs are needed that no artifact for
            use has.

    Returns:
        The artifact.

    Raises:
        Stop: it cannot be compiled.
    """
    from compiler.driver import compile_policy

    result = compile_policy(policy, allow_partial=allow_partial, testing=for_kernel)
    problems = [of_diagnostic(item, dict(texts)) for item in result.diagnostics]
    if result.artifact is None:
        raise Stop(USAGE, *problems)
    show(problems)
    return result.artifact
