"""Shared maps: made by the first policy that is loaded, reused by every later one.

They are held by descriptor and end with the process; a later version may pin them under a path that
contains SHARED_VERSION.
"""

import os

from attrs import define, field

from bpfc.artifact.control import SECRET_MAP
from bpfc.artifact.manifest import MapInfo
from bpfc.runtime.errors import SensorError
from runtime_linux.maps import Map, u32
from runtime_linux.objects import BpfObject


@define
class SharedMaps:
    """The shared maps of this process."""

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
        known = self._maps.get(info.name)
        if known is None:
            return False
        if known[0] != info:
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
        if info.name in self._maps:
            return
        kept = made.duplicate()
        if info.name == SECRET_MAP:
            kept.update(u32(0), os.urandom(kept.value_size))
        self._maps[info.name] = (info, kept)

    def close(self) -> None:
        """Let go of all maps."""
        for _, kept in self._maps.values():
            os.close(kept.fd)
        self._maps.clear()
