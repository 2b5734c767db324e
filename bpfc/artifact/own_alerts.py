"""Alerts that the sensor itself raises: what a policy had to forget.

They have the form of any other alert, so that they go wherever alerts go; their event is no event
of the catalogue.
"""

from bpfc.artifact.alert import (
    SCHEMA_VERSION,
    Alert,
    AlertContext,
    AlertPolicy,
    rule_of,
)
from bpfc.artifact.forms import iso
from bpfc.artifact.manifest import Manifest

EVICTED = "sensor.evicted"


def eviction(
    manifest: Manifest,
    context: AlertContext,
    rule: int,
    keys: int,
    time_ns: int,
    stamp: tuple[int, int],
) -> Alert:
    """That keys of a rule's state were forgotten.

    Args:
        manifest: of the policy.
        context: of its alerts.
        rule: index of the rule.
        keys: how many since the last such alert of the rule.
        time_ns: now, since boot.
        stamp: generation of the policy, and number of the alert among those of the sensor.
    """
    info = manifest.rules[rule]
    what = "1 key" if keys == 1 else f"{keys:,} keys"
    return Alert(
        schema=SCHEMA_VERSION,
        time=iso(context.boot_time_ns + time_ns),
        time_ns=time_ns,
        host=context.host,
        boot_id=context.boot_id,
        cpu=0,
        sequence=stamp[1],
        generation=stamp[0],
        artifact=context.artifact,
        policy=AlertPolicy(manifest.policy, manifest.policy_version),
        rule=rule_of(info),
        event=EVICTED,
        stage="after",
        outcome="observed",
        errno=None,
        certainty="certain",
        message=f"{info.name} had to forget {what} of what it remembers: its limits, thresholds and"
        " sequences began anew for these. More came in than its table has room for, as in a flood",
        fields={},
        unknown=(),
        absent=(),
        truncated=(),
        more_rules=0,
        output={"keys": keys},
    )
