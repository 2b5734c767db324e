"""sigma.pipelines.bpfc: the pipelines, where sigma-cli looks for pipelines."""

from bpfc_cli.importing.sigma.pipelines import bpfc_linux, bpfc_windows

__all__ = ["bpfc_linux", "bpfc_windows"]
