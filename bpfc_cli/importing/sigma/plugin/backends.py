"""sigma.backends.bpfc: the backend, where sigma-cli looks for backends."""

from bpfc_cli.importing.sigma.backend import bpfcBackend

__all__ = ["bpfcBackend"]
backends = {"bpfc": bpfcBackend}
