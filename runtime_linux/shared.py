"""Maps that outlive a policy: shared ones, made by the first policy that is loaded and reused by
every later one, and kept ones, which the next policy goes on with if it has one of that identity.

They are held by descriptor and end with the process; a later version may pin them under a path that
contains SHARED_VERSION.
"""

import os
from collections.abc import Iterable

from attrs import define, evolve, field

from bpfc.artifact.control import SECRET_MAP
from bpfc.artifact.manifest import MapInfo
from bpfc.runtime.errors import SensorError
from runtime_linux.maps import Map, u32
from runtime_linux.objects import BpfObject


@define
class SharedMaps:
    """The shared and kept maps of this process, by name or identity."""

    _maps: dict[str, tuple[MapInfo, Map]] = field(init=False, factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self._maps

    def __getitem__(self, name: str) -> Map:
        return self._maps[name][1]

    def offer(self, target: BpfObject, info: MapInfo) -> bool:
        """Let an object that is not loaded yet use the map that exists.

        Args:
            target: the object.
            info: its map.

        Returns:
            Whether there is one.

        Raises:
            SensorError: BPFC0709, there is one of another shape.
        """
        known = self._maps.get(_name(info))
        if known is None:
            return False
        if _shape(known[0]) != _shape(info):
            raise SensorError(
                "BPFC0709",
                f"the artifact's map {info.name} has another shape than the one in use",
                "stop the sensor and start it again with this artifact, or compile it again with "
                "the sensor's own bpfc version",
            )
        target.reuse(info.name, known[1].fd)
        return True

    def adopt(self, info: MapInfo, made: Map) -> None:
        """Keep a map that a loaded object made.

        Args:
            info: as the manifest has it.
            made: the object's map.
        """
        if _name(info) in self._maps:
            return
        kept = made.duplicate()
        if info.name == SECRET_MAP:
            kept.update(u32(0), os.urandom(kept.value_size))
        self._maps[_name(info)] = (info, kept)

    def forget(self, identities: Iterable[str]) -> None:
        """Let go of kept maps that no policy has any more.

        Args:
            identities: of the kept maps that some policy still has.
        """
        wanted = set(identities)
        for name, (info, kept) in list(self._maps.items()):
            if info.identity and name not in wanted:
                os.close(kept.fd)
                del self._maps[name]

    def close(self) -> None:
        """Let go of all maps."""
        for _, kept in self._maps.values():
            os.close(kept.fd)
        self._maps.clear()


def _name(info: MapInfo) -> str:
    """By what a map is found again."""
    return info.identity or info.name


def _shape(info: MapInfo) -> MapInfo:
    """What must agree; a kept map may have another symbol in each policy."""
    return evolve(info, name="") if info.identity else info
