"""Processing pipelines: which events a rule's log source is, and what its fields are called.

They leave two words in the pipeline's state, which the backend reads; a user's own pipeline can set
them too, for log sources that stand in no table.
"""

from dataclasses import dataclass, replace

import yaml
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.processing.conditions import LogsourceCondition, RuleProcessingCondition
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import (
    FieldMappingTransformation,
    SetStateTransformation,
)
from sigma.processing.transformations.base import PreprocessingTransformation
from sigma.rule import SigmaRule

from bpfc_cli.importing.model import ImportFailed
from bpfc_cli.importing.sigma.tables import Source, sources

EVENTS = "bpfc_events"  # state: catalogue names, parted by blanks
SOURCE = "bpfc_source"  # state: a log source, as `tables.Source.name` has it
PRIORITY = 50  # behind those of users, which may rename fields to Sigma's own names
BACKEND = "bpfc"


@dataclass
class WithoutProduct(RuleProcessingCondition):
    """The rule names no product, so it is meant for every system."""

    def match(self, rule: SigmaRule | SigmaCorrelationRule) -> bool:
        """Whether it does not."""
        return isinstance(rule, SigmaRule) and rule.logsource.product is None


@dataclass
class ForPlatform(PreprocessingTransformation):
    """Take a rule as one for a platform."""

    platform: str

    def apply(self, rule: SigmaRule | SigmaCorrelationRule) -> None:
        """Give the rule's log source a product."""
        super().apply(rule)
        if isinstance(rule, SigmaRule):
            rule.logsource = replace(rule.logsource, product=self.platform)


def _pipeline(platform: str, title: str) -> ProcessingPipeline:
    first = ProcessingItem(
        identifier=f"bpfc_{platform}_product",
        transformation=ForPlatform(platform),
        rule_conditions=[WithoutProduct()],
    )
    items = [item for source in sources(platform) for item in _items(source)]
    return ProcessingPipeline(
        name=title,
        priority=PRIORITY,
        allowed_backends=frozenset({BACKEND}),
        items=[first, *items],
    )


def _items(source: Source) -> list[ProcessingItem]:
    """What is done with the rules of a log source."""
    mapping: dict[str | None, str | list[str]] = {}
    mapping.update(source.fields)
    steps: list[tuple[str, PreprocessingTransformation]] = [
        ("events", SetStateTransformation(EVENTS, " ".join(source.events))),
        ("source", SetStateTransformation(SOURCE, source.name)),
        ("fields", FieldMappingTransformation(mapping)),
    ]
    return [
        ProcessingItem(
            identifier=f"bpfc_{source.platform}_{source.category}_{name}",
            transformation=step,
            rule_conditions=[LogsourceCondition(category=source.category, product=source.platform)],
        )
        for name, step in steps
    ]


def bpfc_linux() -> ProcessingPipeline:
    """Rules for Linux, and those for no product."""
    return _pipeline("linux", "bpfc: events and fields of Linux")


def bpfc_windows() -> ProcessingPipeline:
    """Rules for Windows, and those for no product."""
    return _pipeline("windows", "bpfc: events and fields of Windows")


def pipeline_of(name: str, data: bytes) -> ProcessingPipeline:
    """A user's own pipeline.

    Args:
        name: of the file, for the message.
        data: what is in it (YAML).

    Returns:
        The pipeline.

    Raises:
        ImportFailed: BPFC0820, it is none.
    """
    try:
        return ProcessingPipeline.from_yaml(data.decode())
    except (SigmaError, yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
        raise ImportFailed(
            "BPFC0820",
            f"{name} is no processing pipeline: {' '.join(str(error).split())}",
            "docs/import.md shows one",
        ) from error
