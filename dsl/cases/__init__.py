"""`test` blocks: from their syntax to events, and to what these are expected to come to."""

from dsl.cases.typed import Case, Expectation, Happening, Occurrence, ValueExpectation

__all__ = ["Case", "Expectation", "Happening", "Occurrence", "ValueExpectation"]
