"""Is a single path one that a walk from a folder above it would take?"""

from collections.abc import Sequence
from pathlib import Path

from tagger.library import ignored
from tagger.library.listing import is_audio_name


def is_taken(path: Path, top: Path, exclude: Sequence[str], *, is_folder: bool = False) -> bool:
    """Whether a walk of `top` would come to a path: an audio file, or a folder.

    Asked are the folders between the two only, so that one new file costs no walk.

    Args:
        path: below `top`, or `top` itself.
        top: the folder that was named.
        exclude: patterns of what is left out, as for `find_tracks`.
        is_folder: whether the path is a folder.
    """
    if path == top:
        return is_folder
    names = path.relative_to(top).parts
    if any(name.startswith(".") for name in names):
        return False
    if not is_folder and not is_audio_name(path.name):
        return False
    own = ignored.own_rules(exclude, top)
    marked: ignored.Rules = ()
    folder = top
    for i, name in enumerate(names):
        more = _marks_in(folder)
        # A folder that is named is taken whatever its own marks say.
        if more is None and folder != top:
            return False
        marked += more or ()
        folder /= name
        parts = ignored.absolute_parts(folder)
        is_inner = i < len(names) - 1
        if ignored.is_left_out(own, marked, parts, is_folder=is_inner or is_folder):
            return False
    return not is_folder or _marks_in(folder) is not None


def _marks_in(folder: Path) -> ignored.Rules | None:
    """What the marks in a folder leave out; None for all of it, or if they cannot be read."""
    try:
        marks = [name for name in ignored.MARKS if (folder / name).exists()]
        return ignored.marked_rules(folder, marks) if marks else ()
    except OSError:
        return None  # as a walk: what is to be left out is not known, so nothing is taken
