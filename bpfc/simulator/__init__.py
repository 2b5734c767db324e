"""An eBPF machine in Python that runs the very bytes of an artifact, on any operating system."""

from bpfc.simulator.faults import Fault, Place
from bpfc.simulator.library import Library
from bpfc.simulator.machine import Machine
from bpfc.simulator.platform import SimulatedPlatform
from bpfc.simulator.runner import SimulatedCore

__all__ = ["Fault", "Library", "Machine", "Place", "SimulatedCore", "SimulatedPlatform"]
