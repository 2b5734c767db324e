"""How many rules of other systems are translated in full.

Made-up rules in the statistical shape of public corpora go through the importers.
"""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import yaml

from benchmarks import falco_rules, sigma_rules
from bpfc_cli.importing.falco import translate as falco_translate
from bpfc_cli.importing.model import Translation, summary
from bpfc_cli.importing.sigma.translate import translated

MISSES = 12  # of a system, printed


def sigma(count: int, seed: int) -> Sequence[Translation]:
    """Sigma rules, translated."""
    rules = sigma_rules.rules(count, seed)
    text = yaml.safe_dump_all(rules, allow_unicode=True, sort_keys=False)
    return translated([("generated.yml", text.encode())], kernel_part=True)


def falco(count: int, seed: int) -> Sequence[Translation]:
    """Falco's rules, translated."""
    text = yaml.safe_dump(falco_rules.items(count, seed), sort_keys=False)
    return falco_translate.translated([("generated.yaml", text.encode())], kernel_part=True)


# One row for each system that rules come from: its name is the beginning of its keys.
SYSTEMS: dict[str, Callable[[int, int], Sequence[Translation]]] = {
    "sigma": sigma,
    "falco": falco,
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--rules", type=int, default=2000, help="of each system (default 2000)")
    parser.add_argument("--seed", type=int, default=1, help="other rules for another number")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Translate, and count.

    Args:
        options: `rules` and `seed`.

    Returns:
        For each system NAME: `NAME_percent` translated in full, for the kernel alone;
        `NAME_second_stage_percent` with those that have a second stage; `NAME_kernel_percent` with
        those, too, of which only a part is in the policy; `NAME_misses`, reasons with the number of
        rules.
    """
    result: dict[str, Any] = {"rules": options.rules, "seed": options.seed}
    for name, translate in SYSTEMS.items():
        found = translate(options.rules, options.seed)
        counts = summary(found)
        written = sum(bool(item.detections) for item in found)
        result[f"{name}_percent"] = counts.percent
        result[f"{name}_second_stage_percent"] = counts.percent_with_agent
        result[f"{name}_kernel_percent"] = round(100 * written / len(found), 2)
        result[f"{name}_misses"] = {
            f"{code} {subject}": number for code, subject, number in counts.subjects[:MISSES]
        }
    return result
