"""The reference interpreter: a typed policy and a stream of events to verdicts and alerts.

By the letter of docs/language.md, in plain Python: short and obviously right before fast. Compiled
rules are compared with it.
"""

from dsl.interpreter.interpreter import Interpreter
from dsl.interpreter.outcome import Event, Fired, Outcome, Seen

__all__ = ["Event", "Fired", "Interpreter", "Outcome", "Seen"]
