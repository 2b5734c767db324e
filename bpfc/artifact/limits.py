"""Bounds of everything an artifact may contain; what is read is compared with these before use.

They are far above what the compiler makes and far below what would hurt a host that reads a
hostile file.
"""

FILE_MAX = 512 * 1024 * 1024  # bytes of an artifact
MANIFEST_BYTES_MAX = 64 * 1024 * 1024
CONTENT_BYTES_MAX = 256 * 1024 * 1024
SECTIONS_MAX = 4096  # ELF sections, either half
SYMBOLS_MAX = 65536

NAME_MAX = 255  # identifiers, sections, fields
TEXT_MAX = 16384  # titles, descriptions, file names, alert texts
RULES_MAX = 65536
METADATA_MAX = 256  # pairs a rule
TEMPLATE_MAX = 256  # parts an alert text
TESTS_MAX = 65536  # a rule
LITERALS_MAX = 1 << 20  # lists of values, and values of a list
LITERAL_MAX = 256 * 1024  # characters of a value: four for each byte of the longest text
OUTPUT_MAX = 256  # named values a rule
STEPS_MAX = 4  # earlier steps of a sequence
AGENT_FIELDS_MAX = 256  # a rule
CODE_MAX = 0x10FFFF  # the last code point
NODES_MAX = 65536  # of a second stage
STATES_MAX = 65536  # of an automaton in a second stage, and its classes and intervals
STEP_WORDS_MAX = 8  # numbers of a step
FORMS_MAX = 16
NEEDS_MAX = 32
EVENTS_MAX = 256
SETS_MAX = 256
SLOT_VIEWS_MAX = 256  # match views of a scratch slot
MEMBERS_MAX = 16  # parts of a set's element
SET_MAX = 1 << 24  # elements of a set
CONSTANTS_MAX = 4096
PROGRAMS_MAX = 1024
MAPS_MAX = 4096
CONTENTS_MAX = 65536
VALUE_SIZE_MAX = 64 * 1024 * 1024  # bytes of a map value
KEY_SIZE_MAX = 512  # bytes of a map key (MAX_BPF_STACK; 5.10 refuses more)
ENTRIES_MAX = 1 << 30  # a ring's entries are its bytes
ERRNO_MAX = 4095  # MAX_ERRNO, linux/err.h
U8_MAX, U16_MAX, U32_MAX, U64_MAX = 0xFF, 0xFFFF, 0xFFFFFFFF, (1 << 64) - 1
