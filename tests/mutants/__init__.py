"""Deliberate breaks of the compiler, each of which has to be noticed."""
