"""Sigma rules as policies, by pySigma: pipelines, a backend, and what `bpfc import sigma` does."""
