"""How pySigma reads regular expressions: it takes all, since the language says which it takes."""

import re
import warnings
from typing import Any, cast

try:
    from sigma.policy import SigmaPolicy
    from sigma.policy.regex_engine import RegexEngine, RegexPattern
except ModuleNotFoundError:  # pySigma 1, which sigma-cli 3 needs, reads them as Python does
    _OPTIONS: dict[str, Any] = {}
else:

    class _Lenient(RegexEngine):
        """Takes every regular expression."""

        def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
            """Something that matches as Python does, where Python can read it."""
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of what Python may mean by it one day
                    return cast(RegexPattern, re.compile(pattern, flags))
            except (re.error, OverflowError, RecursionError):
                return cast(RegexPattern, re.compile(re.escape(pattern)))

        @property
        def error(self) -> type[Exception]:
            """What is never raised."""
            return re.error

    _OPTIONS = {"policy": SigmaPolicy(regex_engine=_Lenient())}


def options() -> dict[str, Any]:
    """What to read rules with."""
    return _OPTIONS
