"""From files of Sigma rules to translations: what `bpfc import sigma` does."""

from collections.abc import Iterable, Sequence

from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaRule

from bpfc_cli.importing.checking import checked
from bpfc_cli.importing.model import Code, Reason, Translation
from bpfc_cli.importing.sigma.about import about_of, origin_of, together
from bpfc_cli.importing.sigma.backend import NotTranslated, bpfcBackend
from bpfc_cli.importing.sigma.pipelines import bpfc_linux, bpfc_windows
from bpfc_cli.importing.sigma.reading import WRONG_TYPE, message_of, read
from bpfc_cli.importing.source import named

_OWN = {"linux": bpfc_linux, "windows": bpfc_windows}


def translated(
    contents: Iterable[tuple[str, bytes]],
    pipelines: Sequence[ProcessingPipeline] = (),
    platform: str = "",
    kernel_part: bool = False,
) -> tuple[Translation, ...]:
    """Translate rules.

    Args:
        contents: names of files and what is in them.
        pipelines: a user's own, which come first or last by their priority.
        platform: "linux" or "windows" for rules of that system alone; "" for both, where rules for
            no system are taken as for Linux.
        kernel_part: of rules that need user space, keep what needs none.

    Returns:
        Each rule of the files, in their order; with names those that are part of a policy.
    """
    found = read(contents)
    backend = bpfcBackend(_whole(pipelines, platform), kernel_part=kernel_part)
    backend.init_processing_pipeline()
    rules = [item for rule in found.rules for item in _one(backend, rule)]
    everything = sorted(
        [*rules, *found.wrong], key=lambda item: (item.origin.file, item.origin.line)
    )
    return named(checked(together(everything)))


def _whole(pipelines: Sequence[ProcessingPipeline], platform: str) -> ProcessingPipeline:
    """The user's pipelines and ours, by priority."""
    own = [make() for name, make in _OWN.items() if platform in ("", name)]
    result = ProcessingPipeline()
    for pipeline in sorted([*own, *pipelines], key=lambda item: item.priority):
        result = result + pipeline
    return result


def _one(backend: bpfcBackend, rule: SigmaRule | SigmaCorrelationRule) -> list[Translation]:
    """What became of a rule: a translation for each of its conditions, or one without."""
    try:
        if isinstance(rule, SigmaRule):
            found = backend.convert_rule(rule, "default")
            hidden = rule.get_conversion_result() if not rule._output else []
            return [*found, *hidden]
        return backend.convert_correlation_rule(rule, "default")
    except NotTranslated as error:
        reasons = error.reasons
    except RecursionError:
        reasons = (Reason(Code.LIMIT, "nesting", "its parts stand too deep inside one another"),)
    except SigmaError as error:
        reasons = (Reason(Code.INVALID, "rule", message_of(error)),)
    except (TypeError, AttributeError):
        reasons = (Reason(Code.INVALID, "rule", WRONG_TYPE),)
    return [Translation(origin_of(rule), about_of(rule), reasons=reasons)]
