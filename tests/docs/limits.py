"""The limits that docs/language.md states, and the constants of the code that set them."""

import re

from bpfc.artifact import control, limits, record, sets
from compiler.emit import scratch
from compiler.plan import confirming, memory, model, normal_form, sparse, state, tables, terms
from compiler.plan.patterns import acceptor
from compiler.targets.linux import ancestry as lineage
from compiler.targets.linux import path
from dsl import (
    ancestry,
    diagnostics,
    earlier,
    frontend,
    includes,
    inheritance,
    keys,
    lexer,
    lists,
    macros,
    membership,
    output,
    parser,
    precedence,
    relations,
    sequences,
    values,
)
from dsl import state as counting
from dsl.cases import checker
from dsl.cases import values as given
from dsl.lint import search
from dsl.literals import DURATIONS
from dsl.patterns import regex
from tests.house.table import ROOT

_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

# By the first cell of a row: the numbers of the second one, in its order.
LIMITS: dict[str, tuple[int, ...]] = {
    "a file": (frontend.MAX_FILE, lexer.MAX_TOKENS),
    "files of a policy": (includes.MAX_FILES, includes.MAX_TOTAL),
    "findings shown": (diagnostics.LIMIT,),
    "parentheses inside one another": (parser.MAX_DEPTH,),
    "levels of `and`, `or`, `not` and macros inside one another": (macros.MAX_NESTING,),
    "questions about conditions, for warnings": (search.MAX_QUESTIONS,),
    "values of all lists made with `+` and `-`": (lists.MAX_VALUES,),
    "tests and constants that macros expand to, of a rule / of a policy": (
        macros.MAX_RULE,
        macros.MAX_POLICY,
    ),
    "rules that one extends, one by way of the other": (inheritance.MAX_BASES,),
    "operators of one calculation": (precedence.MAX_OPERATORS,),
    "values computed for the rules on an event: calculations, lengths, comparisons of two fields": (
        model.DERIVED_MAX,
    ),
    "a length's constant": (relations.EXAMINED,),
    "a name of a rule or a value / a text in the artifact (title, alert)": (
        limits.NAME_MAX,
        limits.TEXT_MAX,
    ),
    "fields that a text shows / values of metadata, of a rule": (
        limits.TEMPLATE_MAX // 2 - 1,
        limits.METADATA_MAX,
    ),
    "events of a test, repetitions included": (checker.MAX_EVENTS,),
    "a value of a test / what `repeat` makes": (given.MAX_TEXT,),
    "a text constant": (values.MAX_PATTERN,),
    "a regular expression, its repetitions written out": (regex.MAX_SIZE, regex.MAX_DEPTH),
    "a repetition": (regex.MAX_REPEAT,),
    "states of one pattern, over characters": (acceptor.STATES_MAX,),
    "states of a pattern in a second stage, times classes of characters": (confirming.CELLS_MAX,),
    "position of a list's element, what `count` is compared with": (values.MAX_POSITION,),
    "alternatives of a rule and event, multiplied out": (normal_form.TERMS_MAX,),
    "positive text tests in one alternative": (terms.COLUMNS_MAX,),
    "transitions of one automaton": (1 << sparse.ENTRY_BITS_MAX,),
    "alternatives of all rules on an event": (64 * terms.WORDS_MAX,),
    "matching table of an event; tables of one of its numbers": (
        4 << 20,
        (4 << 20) - tables.TABLE_MAX,
    ),
    "command line, examined at exec": (scratch.CMDLINE_MAX,),
    "command line and paths, stored and in alerts": (control.LONG_TEXT,),
    "path, resolved": (path.STRIDES * path.STRIDE, 4 << 10),
    "parts of a key / 64-bit numbers in it": (keys.MAX_PARTS, keys.MAX_WORDS),
    "alerts of a limit, events of a threshold": (counting.MAX_COUNT,),
    "values of a threshold with `distinct`": (counting.MAX_DISTINCT,),
    "time of a limit, a threshold or a sequence, in days": (counting.MAX_TIME // DURATIONS["d"],),
    "keys that are counted for, in the smallest and the largest table": (
        state.SETS_MIN * state.WAYS,
        state.SETS_MAX * state.WAYS,
    ),
    "numbers that a sequence carries of an earlier step, process id and start included": (
        earlier.CARRIED_MAX,
    ),
    "steps of a sequence, least and most": (sequences.MIN_STEPS, sequences.MAX_STEPS),
    "rules that count on one event": (state.PENDING_MAX,),
    "rules named by one event's record": (record.RULES_MAX,),
    "fields in use on an event, those of every record and of the process context included": (
        record.NUMBERS_MAX,
        2,
        record.VIEWS_MAX,
    ),
    "texts of one alert, together": (record.TEXT_MAX,),
    "values of an `output`": (output.MAX_VALUES,),
    "processes known": (control.PROCESSES_MAX,),
    "texts known, up to 255 bytes / longer": (
        control.STRINGS_SHORT_MAX,
        control.STRINGS_LONG_MAX,
    ),
    "elements of a set / sets of a policy": (membership.CAPACITY_MAX, membership.SETS_MAX),
    "text in a set": (membership.LONGEST_TEXT, sets.SHOWN),
    "parts of a tuple": (membership.MEMBERS_MAX,),
    "tags of processes, containers, files, each / tagged at once": (
        membership.TAGS_MAX,
        *sets.TAG_ROOM.values(),
    ),
    "places that add, tag or untag on an event": (memory.EFFECTS_MAX,),
    "different conditions on ancestors": (ancestry.ANCESTORS_MAX,),
    "processes whose ancestors are known": (control.ANCESTRY_ROOM,),
    "ancestors that are looked at anew": (lineage.LEVELS,),
    "alerts not yet read": (control.RING_BYTES,),
}


def rows() -> dict[str, tuple[str, str]]:
    """The table under "Limits": by the first cell, the second and the third."""
    page = (ROOT / "docs" / "language.md").read_text("utf-8")
    section = page.partition("\n## Limits\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    return {what: (limit, other) for what, limit, other in found if what != "what"}


def numbers(cell: str) -> tuple[int, ...]:
    """The numbers in a cell, with their units of size applied.

    Args:
        cell: for example "4 MiB, 1,000,000 words and signs".
    """
    found = re.findall(r"(\d[\d,]*\d|\d)(?: (KiB|MiB|GiB))?", cell)
    return tuple(int(n.replace(",", "")) * _UNITS.get(unit, 1) for n, unit in found)
