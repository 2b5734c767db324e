"""Benchmarks of bpfc against the bars of its design: `python -m benchmarks NAME [--json]`."""
