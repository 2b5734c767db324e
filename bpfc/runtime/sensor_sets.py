"""The run-time sets of a sensor, and what a swap carries over."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from bpfc.artifact.control import KEPT_SCOPE
from bpfc.artifact.manifest import Manifest
from bpfc.runtime.errors import SensorError
from bpfc.runtime.sets import RuntimeSet, Tables

if TYPE_CHECKING:
    from bpfc.runtime.platform import Loaded, Platform

SWEEP_S = 5.0  # between two looks at sets that fill up


@define(eq=False)
class SensorSets(Mapping[str, RuntimeSet]):
    """The sets of the active policy, by name. A set that a swap carries over stays valid.

    Args:
        platform: of the sensor.
        active: the active policy, or None.
    """

    _platform: "Platform"
    _active: "Callable[[], Loaded | None]"
    _looked: float = field(default=0.0, init=False)
    _counts: dict[str, dict[str, int]] = field(factory=dict, init=False)

    def __getitem__(self, name: str) -> RuntimeSet:
        info = next((one for one in self._policy().manifest.sets if one.name == name), None)
        if info is None:
            raise KeyError(name)
        return RuntimeSet(info, lambda: self._tables(name, info.members))

    def __iter__(self) -> Iterator[str]:
        return (info.name for info in self._policy().manifest.sets)

    def __len__(self) -> int:
        return len(self._policy().manifest.sets)

    def of(self, loaded: "Loaded", name: str) -> RuntimeSet:
        """A set of a policy that may not be active yet.

        Args:
            loaded: the policy.
            name: of the set.

        Raises:
            SensorError: BPFC0723, it has none of that name.
        """
        info = next((one for one in loaded.manifest.sets if one.name == name), None)
        if info is None:
            raise _unknown(loaded.manifest, name)
        return RuntimeSet(info, lambda: self._platform.set_tables(loaded, info))

    def tend(self) -> None:
        """Now and then give back room in sets that rules have added much to, or found full."""
        loaded, now = self._active(), time.monotonic()
        if loaded is None or now - self._looked < SWEEP_S:
            return
        self._looked = now
        for name, one in self.items():
            counts = one.counts()
            before = self._counts.get(name, {})
            more = {key: count - before.get(key, 0) for key, count in counts.items()}
            # A walk over a large set takes time: only where rules need room, or soon will.
            if more["full"] or 4 * more["added"] >= one.info.capacity:
                one.sweep()
                self._counts[name] = counts

    def _policy(self) -> "Loaded":
        loaded = self._active()
        if loaded is None:
            raise SensorError(
                "BPFC0717", "no policy is active", "call activate() before using its sets"
            )
        return loaded

    def _tables(self, name: str, members: tuple[str, ...]) -> Tables:
        """The maps of a set as it is now: the active policy may be another one by now."""
        loaded = self._policy()
        info = next((one for one in loaded.manifest.sets if one.name == name), None)
        if info is None or info.members != members:
            raise _unknown(loaded.manifest, name)
        return self._platform.set_tables(loaded, info)


def _unknown(manifest: Manifest, name: str) -> SensorError:
    known = ", ".join(info.name for info in manifest.sets) or "none"
    return SensorError(
        "BPFC0723",
        f"policy {manifest.policy} has no set {name} of that type",
        f"its sets are: {known}",
    )


@frozen
class Carried:
    """What became of what policies remember, each as "set NAME" or "tags proc"."""

    carried: tuple[str, ...]
    fresh: tuple[str, ...]
    dropped: tuple[str, ...]


def carried(manifest: Manifest, before: Manifest | None) -> Carried:
    """What a swap does to sets and tags.

    Args:
        manifest: of the new policy.
        before: of the one before, None if there was none.
    """
    new, old = _kept(manifest), _kept(before) if before else {}
    return Carried(
        carried=tuple(name for key, name in new.items() if key in old),
        fresh=tuple(name for key, name in new.items() if key not in old),
        dropped=tuple(name for key, name in old.items() if key not in new),
    )


def _kept(manifest: Manifest) -> dict[str, str]:
    """Names of what is remembered, by identity."""
    identities = [info.identity for info in manifest.linux.maps if info.scope == KEPT_SCOPE]
    whole = (one for one in identities if not one.startswith("head of "))
    return {one: one.rpartition(" ")[0] for one in whole}
