"""Rules of other systems, translated into policies.

`model` is what all importers share; `sigma` is one of them.
"""
