"""Places in source text."""

from attrs import frozen


@frozen
class Span:
    """A half-open range of characters in one source file.

    Args:
        file: name of the file as the user gave it (never made absolute, so output is reproducible).
        start: offset of the first character, in characters from 0.
        end: offset behind the last character.
        line: line of the first character, from 1.
        column: column of the first character, from 1, in characters.
    """

    file: str
    start: int
    end: int
    line: int
    column: int

    def until(self, last: "Span") -> "Span":
        """From the beginning of this place to the end of a later one in the same file."""
        return Span(self.file, self.start, last.end, self.line, self.column)
