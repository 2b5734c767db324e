"""The Windows half for tests: the core and the policy's own maps, without adapters."""

from compiler.emit.core import layout_of
from compiler.emit.unit import Unit
from compiler.plan.model import Plan
from compiler.targets.common.half import HalfModule
from compiler.targets.common.maps import define_maps, own_maps
from compiler.targets.windows.half import WindowsPlatform


def build(plan: Plan, producer: str, rules: int) -> HalfModule:
    """Build a module that has the policy's own maps, for the simulator to call the core itself.

    Args:
        plan: the matchers.
        producer: name and version of the compiler.
        rules: number of rules of the policy.

    Returns:
        The module, without any program.
    """
    platform = WindowsPlatform(layout_of(plan))
    unit = Unit(producer, platform.helpers)
    maps = own_maps(plan, platform.layout, rules)
    define_maps(unit, platform, maps)
    return HalfModule(unit.text(), (), maps)
