"""
Cut text into the words that search compares, the same for what is kept and what is asked. Pure.

Chinese, Japanese and Korean are written without spaces, and both databases' own tokenizers take a whole
run for one word (or, as FTS5's trigram, find nothing shorter than three characters). So runs are cut
here into overlapping pairs, 盗窃案 becoming 盗窃 窃案, and the databases are given words with spaces.
Words that are not plain ASCII are spelled as code points, because what counts as a letter differs between
the databases, their Unicode versions and locales (PostgreSQL dropped U+2EBE1, a Chinese character).
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

WORD_MAX: Final = 64
"""Characters of one word that are kept and compared; longer runs differ rarely after that."""

TEXT_MAX: Final = 10_000
"""Characters of one text that are indexed: far below PostgreSQL's 1 MB and 16,383 positions of a tsvector."""

QUERY_MAX: Final = 200
"""Characters of a query that are looked at."""

_PAIRED = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = re.compile(rf"(?P<paired>[{_PAIRED}]+)|(?P<digits>\d+)|(?P<letters>(?:(?![{_PAIRED}])[^\W\d_])+)")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that must stand one after the other; with `open_ended` the last may go on."""

    words: tuple[str, ...]
    open_ended: bool


def fold(text: str) -> str:
    """Make equal what people take for equal: width, case, accents and spaces."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold()).replace("\0", " ")
    bare = "".join(character for character in plain if not unicodedata.combining(character))
    return " ".join(unicodedata.normalize("NFKC", bare).split())


def words(text: str) -> str:
    """Give the words of a text, separated by spaces, as they are kept."""
    return " ".join(_spell(word) for word, _ in _cut(fold(text[:TEXT_MAX])))


def phrases(query: str) -> list[Phrase]:
    """
    Read a query: what stands between spaces is looked for as it stands, and all of it must be found.

    Latin letters and digits may be the beginning of a word; a single Chinese character finds every word with it.
    No character of a query is syntax: what is no letter or digit only separates.
    """
    found = []
    for part in fold(query[:QUERY_MAX]).split():
        cut = list(_cut(part))
        if len(cut) > 1 and cut[-1][1] == "last":
            cut.pop()  # the pair before it says the same, and in longer text a pair follows instead
        if cut:
            found.append(Phrase(tuple(_spell(word) for word, _ in cut), open_ended=cut[-1][1] != "pair"))
    return found


def _cut(folded: str) -> Iterator[tuple[str, str]]:
    """Give words with what they are: `pair`, `last` (a run's last character alone) or `run`."""
    for run in _RUN.finditer(folded):
        text = run[0]
        if run.lastgroup == "paired":
            yield from ((text[at : at + 2], "pair") for at in range(len(text) - 1))
            yield text[-1], "last"
        else:
            yield text[:WORD_MAX], "run"


def _spell(word: str) -> str:
    # A letter and digits in every word so spelled: never equal to a plain one, which has only either of them.
    return word if word.isascii() else "".join(f"u{ord(character):06x}" for character in word)
