"""What a walk leaves out: what a NAS or a system keeps for itself, and what the owner names.

The owner names it on the command line, in the settings, or in files that other programs read
too. Patterns are those of gitignore; of several that fit, the last one decides.
"""

import fnmatch
import os
import re
import stat
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

KEPT_BY_SYSTEMS = frozenset(
    # Synology, QNAP, NetApp; Windows, Linux, macOS. Names that begin with a dot are hidden.
    "@eadir #recycle #snapshot #trash @tmp @trash @recycle @snapshot @snapshots"
    " @recently-snapshot @__thumb @transcode @sharebin"
    " ~snapshot $recycle.bin recycler recycled found.000 lost+found __macosx".split()
) | {"system volume information", "network trash folder", "temporary items"}
"""Names of folders that hold trash, snapshots and thumbnails, in lower case."""

MARKS = (".nomedia", ".ndignore", ".plexignore")
"""Files that say what of their folder is no part of the library: Android's, Navidrome's, Plex'.

The first leaves out the folder, and so do the others where they are empty.
"""

_MAX_LEN = 1 << 20
_FLAGS = re.IGNORECASE if sys.platform in {"darwin", "win32"} else re.NOFLAG

_Step = re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern.

    Attributes:
        steps: what each part of a path must be; None stands for any number of parts.
        base: parts of an absolute path that come before those that the pattern is about.
        takes_back: what fits is not left out, whatever earlier patterns say.
        folders_only: it is about folders.
    """

    steps: tuple[_Step, ...]
    base: int
    takes_back: bool
    folders_only: bool

    def fits(self, parts: Sequence[str], *, is_folder: bool) -> bool:
        """Tell whether the pattern is about a path, given its absolute parts."""
        if self.folders_only and not is_folder:
            return False
        ends = {self.base}  # parts that the steps so far may have led to
        for step in self.steps:
            if step is None:
                ends = set(range(min(ends), len(parts) + 1))
            else:
                ends = {i + 1 for i in ends if i < len(parts) and step.match(parts[i])}
            if not ends:
                return False
        return len(parts) in ends


Rules = tuple[Rule, ...]


def own_rules(patterns: Iterable[str], top: Path) -> Rules:
    """The rules of the command line and the settings, for what is walked from `top`.

    A pattern fits at any depth. One that begins with a slash begins at `top`, or is an
    absolute path; `~` is the user's home.
    """
    rules: list[Rule] = []
    for pattern in patterns:
        sign, body = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
        if body.startswith("~"):
            body = os.path.expanduser(body)  # noqa: PTH111, a pattern and no path
        if os.sep != "/":
            body = os.path.splitdrive(body)[1].replace(os.sep, "/")
        if body.startswith("/"):
            # Both readings of a leading slash: the root of the disk, and `top`.
            bases = {1, len(absolute_parts(top))}
            rules += [rule for base in bases for rule in _rules(sign + body, base)]
        else:
            rules += _rules(f"{sign}**/{body.removeprefix('./')}", 0)
    return tuple(rules)


def marked_rules(folder: Path, marks: Iterable[str]) -> Rules | None:
    """What the marks in a folder leave out of it; None for all of it.

    Raises:
        OSError: one of them cannot be read.
    """
    all_rules: list[Rule] = []
    base = len(absolute_parts(folder))
    for name in sorted(marks):
        if name == MARKS[0]:
            return None
        text = _text_of(folder / name)
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        rules = [rule for line in lines for rule in _rules(_without_end(line), base)]
        # For Navidrome a file of comments is empty; in Plex' nothing is left out by comments.
        if not text.strip() or (name == ".ndignore" and not rules):
            return None
        all_rules += rules
    return tuple(all_rules)


def verdict(rules: Rules, parts: Sequence[str], *, is_folder: bool) -> bool | None:
    """Whether some rules leave a path out; None if they do not say."""
    # The last one that fits decides, so it is asked first.
    for rule in reversed(rules):
        if rule.fits(parts, is_folder=is_folder):
            return not rule.takes_back
    return None


def is_left_out(own: Rules, marked: Rules, parts: Sequence[str], *, is_folder: bool) -> bool:
    """Tell whether a path is left out; what the owner asks for now counts most."""
    for rules in (own, marked):
        if (is_out := verdict(rules, parts, is_folder=is_folder)) is not None:
            return is_out
    return is_folder and parts[-1].casefold() in KEPT_BY_SYSTEMS


def absolute_parts(path: Path) -> tuple[str, ...]:
    """The parts of an absolute path, without a look at the disk, letters composed."""
    absolute = os.path.abspath(path)  # noqa: PTH100 (resolve would ask the disk)
    return tuple(map(composed, Path(absolute).parts))


def composed(name: str) -> str:
    """A name as people type it: macOS writes letters and accents apart."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _text_of(path: Path) -> str:
    """The text of a mark; nothing of what is no regular file, which could block."""
    if not stat.S_ISREG(path.stat().st_mode):
        return ""
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        return file.read(_MAX_LEN)


def _without_end(line: str) -> str:
    """Blanks at the end count only behind a backslash."""
    return re.sub(r"(?<!\\)\s+$", "", line)


def _rules(pattern: str, base: int) -> list[Rule]:
    """The rule of a pattern, or none if it says nothing."""
    takes_back = pattern.startswith("!")
    body = pattern[takes_back:]
    parts = [part for part in body.split("/") if part not in {"", "."}]
    if not parts or ".." in parts:
        return []
    steps: list[_Step] = [None if part == "**" else _step(part) for part in parts]
    # A name without a slash fits at any depth, as in gitignore.
    if "/" not in body.rstrip("/"):
        steps.insert(0, None)
    if steps[-1] is None:  # all that is in it, and not the folder itself
        steps.append(_step("*"))
    return [Rule(tuple(steps), base, takes_back, body.endswith("/"))]


def _step(part: str) -> re.Pattern[str]:
    """One part of a pattern, in which `*`, `?`, `[...]` and the backslash have a meaning."""
    text = composed(part).replace("[^", "[!")
    text = re.sub(
        r"\\(.)", lambda escape: f"[{escape[1]}]" if escape[1] in "*?[" else escape[1], text
    )
    return re.compile(fnmatch.translate(text), _FLAGS)
