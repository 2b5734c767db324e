"""Small virtual machines with Debian's kernels: a test tool, and `bpfc verify --kernel`.

Nothing is imported here, so that the agent inside the guest starts fast.
"""
