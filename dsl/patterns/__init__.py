"""Patterns: globs and regular expressions, as one kind of tree, and what that tree means."""
