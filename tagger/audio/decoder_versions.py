"""Which decoders there are: a file that they could not read may be readable by others."""

import av
import soundfile

from tagger.system.version import __version__


def decoder_versions() -> str:
    """Names and versions of the decoders, and of the code that drives them, as one text."""
    libraries = av.library_versions
    ffmpeg = ", ".join(
        f"{name} {'.'.join(map(str, libraries[name]))}"
        for name in ("libavformat", "libavcodec")
    )
    return f"tagger {__version__}, libsndfile {soundfile.__libsndfile_version__}, {ffmpeg}"
