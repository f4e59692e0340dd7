"""The libsndfile decoder: mp3, flac, ogg vorbis, opus, wav, aiff and their relatives."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from tagger.audio.downmix import STRETCH_LEN, Downmix
from tagger.audio.open_files import Part, open_regular
from tagger.audio.reader import BLOCK_LEN, check_format
from tagger.audio.windows import Waveform
from tagger.errors import DecodeError
from tagger.system.partial import is_partial

_PREROLL_LEN = 12 * 1152
"""Samples decoded and dropped after a seek.

After a seek libmpg123 lacks the bit reservoir, up to 511 bytes of earlier frames, and the
overlap with the frame before. At 32 kb/s and 48 kHz that is nine frames, fewer at any usual
bitrate; four of them it decodes of its own accord.
"""

_MAX_VALUES = 1 << 20
"""Values per read call, whatever the header says of channels and lengths."""

_UNKNOWN_LEN = 1 << 62
"""libsndfile's way of saying that a stream has no known length starts here."""


class _File(soundfile.SoundFile):  # type: ignore[misc]  # soundfile is untyped
    """A SoundFile that does not seek on its own.

    After every read, SoundFile seeks to where the file is already. To libmpg123 that is a
    real seek: it forgets the bit reservoir, and each block begins with up to 0.1 s of noise;
    Ogg Vorbis may even land elsewhere.
    """

    def seekable(self) -> bool:
        """Return False, which is what SoundFile asks before it seeks."""
        return False


class SndfileSource:
    """A track opened by libsndfile.

    The file is handed over as a descriptor: libsndfile then guesses the format from the
    content alone, and reads without calling back into Python. Only a part of a file, that
    before the tags behind an mp3, is read through Python.

    Seeking is exact, except in Ogg Vorbis, where libsndfile may land a block or two
    (128 to 384 samples, measured) beside the place (libsndfile issue 885).
    """

    decoder = "libsndfile"

    def __init__(
        self,
        path: Path,
        *,
        offset: int = 0,
        end: int | None = None,
        expected_s: float | None = None,
    ) -> None:
        """Open the file.

        Args:
            path: the file.
            offset: where its audio begins, in bytes (behind the ID3v2 tag of an mp3, whose
                oddities libmpg123 would report on stderr).
            end: where it ends, in bytes, before the tags behind an mp3, which libmpg123 takes
                for audio; None for the end of the file.
            expected_s: how long the track must be, in seconds, give or take 5 %.

        Raises:
            DecodeError: libsndfile cannot read it, or not all of it.
        """
        by_python = end is not None or is_partial(path)
        self._part = Part(path, start=offset, end=end) if by_python else None
        try:
            self._file = _File(self._part) if self._part else _opened(path, offset)
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            if self._part:
                self._part.close()
            reason: str = getattr(error, "error_string", None) or str(error)
            raise DecodeError(reason.rstrip(".")) from error
        self.codec: str = _codec(self._file)
        self.sample_rate: int = self._file.samplerate
        self.n_samples: int = self._file.frames
        try:
            self._check(expected_s)
        except DecodeError:
            self.close()
            raise

    def _check(self, expected_s: float | None) -> None:
        check_format(sample_rate=self.sample_rate, n_channels=self._file.channels)
        if self.codec == "mp3" and self._file.format != "MP3":
            # libsndfile hands libmpg123 all behind the header, tags and other chunks too.
            raise DecodeError("an mp3 inside of another container")
        if not 0 < self.n_samples < _UNKNOWN_LEN:
            raise DecodeError("the file has no audio, or does not say how much")
        length_s = self.n_samples / self.sample_rate
        if expected_s and abs(length_s / expected_s - 1) > 0.05:
            raise DecodeError(f"it would read {length_s:.1f} s of about {expected_s:.1f} s")

    def read(self, start: int, n_samples: int) -> Waveform:
        """Return the mono audio from `start`, shorter where the readable part ends."""
        preroll = min(start, _PREROLL_LEN)
        blocks = list(self._blocks(start - preroll, preroll + n_samples))
        return np.concatenate([np.zeros(0, np.float32), *blocks])[preroll:]

    def blocks(self, start: int = 0) -> Iterator[Waveform]:
        """Yield consecutive mono blocks from `start` to the end of the readable part."""
        return self._blocks(start, self.n_samples - start)

    def _blocks(self, start: int, n_samples: int) -> Iterator[Waveform]:
        # A header may claim a thousand channels: what is read at once stays bounded.
        block_len = max(1, min(BLOCK_LEN, _MAX_VALUES // self._file.channels))
        if block_len > STRETCH_LEN:
            block_len -= block_len % STRETCH_LEN
        downmix, ahead = Downmix(start), start % STRETCH_LEN
        try:
            # Once, and never again until the end: see `_File`.
            self._file.seek(start)
            while n_samples > 0:
                # All blocks but the first begin where a stretch does, if they hold one.
                n_frames = min(block_len - ahead if ahead < block_len else block_len, n_samples)
                block = self._file.read(n_frames, dtype="float32", always_2d=True)
                if len(block) == 0:
                    return
                n_samples -= len(block)
                ahead = 0
                yield downmix.mix(block)
        except (soundfile.SoundFileError, OSError, RuntimeError, ValueError):
            return  # what was read so far is what can be read

    def close(self) -> None:
        """Release the file; nothing can be read afterwards."""
        self._file.close()
        if self._part:
            self._part.close()


def _opened(path: Path, offset: int) -> _File:
    descriptor = open_regular(path)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return _File(descriptor, closefd=True)  # libsndfile closes it, on failure too


def _codec(file: soundfile.SoundFile) -> str:
    if file.format == "FLAC":
        return "flac"  # libsndfile calls its samples PCM
    subtype: str = file.subtype.lower()
    return "mp3" if subtype == "mpeg_layer_iii" else subtype
