"""Names and tags as both databases can hold them, and as they are ordered and searched."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator

from tagger.text import text_of

KEY_LEN = 120
"""Characters of a key that is ordered: an index entry of PostgreSQL holds 2,700 bytes."""

FOLDER_LEN = 400


def plain(text: str) -> str:
    """Text without NUL (PostgreSQL has none) and without bytes that are no UTF-8."""
    return text_of(text).replace("\0", "\N{SYMBOL FOR NULL}")


def key(text: str) -> str:
    """What a text is ordered by: whatever the case, and without marks on its letters."""
    return fold(text)[:KEY_LEN]


def fold(text: str) -> str:
    """A text as it is searched: `Beyoncé` is found as `beyonce`."""
    marked = unicodedata.normalize("NFKD", plain(text).casefold())
    return " ".join(
        "".join(letter for letter in marked if not unicodedata.combining(letter)).split()
    )


def folder_key(parts: tuple[str, ...]) -> str:
    """A folder as it is kept: each part followed by a slash, '' for the top."""
    return "".join(f"{plain(part)}/" for part in parts)[:FOLDER_LEN]


def after_prefix(prefix: str) -> str:
    """The first text behind all that begin with a prefix that is not empty."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def _storable(text: str) -> str:
    if plain(text) != text:
        raise ValueError("it holds NUL, or half of a surrogate pair")
    return text


Storable = Annotated[str, AfterValidator(_storable)]
"""Text from outside that both databases can hold."""
