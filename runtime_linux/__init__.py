"""The Linux platform: libbpf binding, capabilities, attachment, priming, ring. See README.md."""
