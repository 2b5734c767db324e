"""Falco's rules: YAML, its condition language, and its fields in words of the catalogue."""
