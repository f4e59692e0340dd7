"""Who may ask for what: bearer tokens with scopes, from a file that holds only their hashes."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tagger.errors import InputError

Scope = Literal["read", "edit", "write"]

SCOPES: tuple[Scope, ...] = ("read", "edit", "write")
"""To look and listen; to accept, edit, upload and scan; to change files."""

COOKIE = "tagger_token"
_HASH = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        name: as the token file calls them.
        scopes: what they may do.
    """

    name: str
    scopes: frozenset[str]


EVERYBODY = Caller("", frozenset(SCOPES))
"""Whoever is on this machine, where no token is asked for."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that are let in: hash and caller of each."""

    callers: Sequence[tuple[bytes, Caller]]

    def caller_of(self, token: str) -> Caller | None:
        """Whose token it is; None if nobody's.

        All are compared, and each in constant time: how long it takes tells nothing.
        """
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        owner = None
        for stored, caller in self.callers:
            if hmac.compare_digest(digest, stored):
                owner = caller
        return owner


def read_tokens(path: Path) -> Tokens:
    """The tokens of a file: on each line a name, scopes parted by commas, and a secret.

    The secret stands there as `sha256:` and 64 digits, or as it is (at least 16 characters).
    Lines that begin with # are left out.

    Raises:
        InputError: the file cannot be read, or a line is wrong; no secret is repeated.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"--token-file {path}: cannot be read ({reason}).") from error
    tokens = [
        _token(path, number, line)
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not tokens:
        raise InputError(
            f"--token-file {path}: it holds no token; write lines such as"
            f" `alice read,edit,write {new_secret()}`."
        )
    return Tokens(tokens)


def _token(path: Path, number: int, line: str) -> tuple[bytes, Caller]:
    parts = line.split()
    where = f"--token-file {path}, line {number}"
    if len(parts) != 3:
        raise InputError(f"{where}: write NAME SCOPES SECRET, parted by blanks.")
    name, scopes, secret = parts
    unknown = sorted(set(scopes.split(",")) - set(SCOPES))
    if unknown:
        raise InputError(f"{where}: {unknown[0]!r} is no scope; there are {', '.join(SCOPES)}.")
    caller = Caller(name, frozenset(scopes.split(",")))
    if hashed := _HASH.fullmatch(secret):
        return bytes.fromhex(hashed[1]), caller
    if len(secret) < 16:
        raise InputError(
            f"{where}: the secret is shorter than 16 characters; take a longer one."
        )
    return hashlib.sha256(secret.encode()).digest(), caller


def new_secret() -> str:
    """A secret that nobody can guess."""
    return secrets.token_urlsafe(24)
