"""Keeps the C libraries' own remarks off the terminal of a program."""

import io
import os
import sys


def silence_native_stderr() -> None:
    """Send what C libraries print to descriptor 2 nowhere; Python's stderr stays.

    libmpg123, inside libsndfile, prints remarks such as "part2_3_length too large" after seeks
    in perfectly valid mp3 files, and libsndfile offers no way to tell it not to. To be called
    by a program (never by a library), once, at its start, before there are threads. Messages
    of a crash inside a C library are lost as well, unless `faulthandler` is given
    `sys.stderr`. Does nothing where stderr is no real file.
    """
    try:
        visible = os.dup(sys.stderr.fileno())
    except (AttributeError, OSError, io.UnsupportedOperation):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = io.TextIOWrapper(
        os.fdopen(visible, "wb", buffering=0),
        encoding=sys.stderr.encoding,
        errors="backslashreplace",
        write_through=True,
    )
