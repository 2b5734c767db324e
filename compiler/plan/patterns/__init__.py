"""Patterns to automata over bytes: acceptors, what they look at, products, encodings."""
