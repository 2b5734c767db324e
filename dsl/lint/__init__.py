"""Warnings about a whole policy: conditions, exceptions and rules that cannot be meant so.

`rules.lint` is the way in. Nothing is said that is not certain: what a condition can be is tried
out (`search.py`) with every combination of answers that the tests of each field can give
(`worlds.py`, `texts.py`). Where a field is absent or cannot be read, its tests are false.
"""
