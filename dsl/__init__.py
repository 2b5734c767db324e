"""The language of `.det` files: see README.md; `dsl.frontend.check` is the way in."""

from dsl.words import DENY_ERRNOS

__all__ = ["DENY_ERRNOS"]
