"""Which content judges an event: read once an event, in its adapter.

A tail call hands over nothing but the context, so what the dispatcher read is the policy, and the
policy's own entry says which of its two buffers of content is in force.
"""

from bpfc.artifact import control
from compiler.emit.function import Function
from compiler.emit.values import Int, Ptr


def read_buffer(fn: Function, neutral: int) -> tuple[Ptr, Int]:
    """The policy's own entry, and the buffer in force, 0 or 1.

    Args:
        fn: the adapter.
        neutral: return value that changes nothing.
    """
    policy = fn.lookup(control.POLICY_MAP, 0, neutral)
    return policy, policy.at(control.POLICY_BUFFER).load_once() & (control.BUFFERS - 1)
