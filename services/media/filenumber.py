"""Read the number that a camera counts its files by from a file's name."""

import re

_CHAPTER = re.compile(r"G[HXPL](?P<chapter>[0-9]{2})(?P<number>[0-9]{4})", re.IGNORECASE)
_FIRST_CHAPTER = re.compile(r"GOPR(?P<number>[0-9]{4})", re.IGNORECASE)
_LAST_NUMBER = re.compile(r"(?:^|(?<=[^0-9A-Za-z])|(?<=[A-Za-z]))(?P<number>[0-9]{1,6})[A-Za-z]?$")
_CLOCK_TAIL = re.compile(
    r"(?:19|20)[0-9]{2}[-_. ]?[0-9]{2}[-_. ]?[0-9]{2}[-_ T]?(?:[0-9]{2}[-_.]?[0-9]{2}[-_.]?[0-9]{2})?$"
)


def sequence_of(filename: str) -> int | None:
    """
    Read the number that a camera counts its files by from a file's name; None where there is none.

    Dates and times at the end of a name are not numbers of a sequence. GoPro counts chapters before files
    (GX020123 follows GX010123).
    """
    stem = filename.rpartition("/")[2].rpartition(".")[0] or filename
    chapter = _CHAPTER.fullmatch(stem)
    if chapter is not None:
        return int(chapter["number"]) * 100 + int(chapter["chapter"])
    first = _FIRST_CHAPTER.fullmatch(stem)
    if first is not None:
        return int(first["number"]) * 100
    if _CLOCK_TAIL.search(stem):
        return None
    found = _LAST_NUMBER.search(stem)
    return None if found is None else int(found["number"])
