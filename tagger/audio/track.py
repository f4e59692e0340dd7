"""A track -> windows for the model: which decoder, which windows, what if some fail."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tagger.audio import mp3_duration
from tagger.audio.decode_libsndfile import SndfileSource
from tagger.audio.open_files import open_regular
from tagger.audio.reader import AudioReader
from tagger.audio.resample import read_window, stream_resampled
from tagger.audio.stream_end import ends_plainly, find_end
from tagger.audio.windows import (
    Waveform,
    even_hop,
    is_covered,
    pad_window,
    spread_starts,
    stream_windows,
)
from tagger.errors import DecodeError

if TYPE_CHECKING:
    from tagger.audio.decode_ffmpeg import FfmpegSource

_ENOUGH = 0.9
"""Part of a window that must be readable; the rest of it is filled up by repetition."""

_Opener = Callable[[], AudioReader]


def open_track(path: Path, *, sample_rate: int) -> "Track":
    """Open an audio file with the decoder that can read all of it.

    The content decides, not the suffix: libsndfile, which is twice as fast, unless it cannot
    open the file or would stop early (see `tagger.audio.mp3_duration`); then FFmpeg.

    Args:
        path: the file.
        sample_rate: rate in Hz at which windows are wanted.

    Returns:
        The track, to be closed or used as a context manager.

    Raises:
        DecodeError: no regular file, empty, or neither decoder opens it.
    """
    try:
        openers = _choose_decoders(path)
    except DecodeError as error:
        raise DecodeError(f"{path}: {error}.") from error
    return Track(path, openers, sample_rate=sample_rate)


def _choose_decoders(path: Path) -> list[tuple[str, _Opener]]:
    """Return the decoders to try, in order: (name, opener)."""
    descriptor = open_regular(path)
    try:
        if os.read(descriptor, 4) == b"OFR ":
            # FFmpeg would take it for something else.
            raise DecodeError("it is an OptimFROG file, for which there is no free decoder")
        start = mp3_duration.find_start(descriptor)
        end = find_end(path, descriptor)
        expected_s = (
            None if start is None else mp3_duration.expected_duration(descriptor, start, end)
        )
        # Through Python libsndfile takes a sixth longer: not for ID3v1, which is common.
        stop = end if end and not ends_plainly(descriptor, end) else None
    except OSError as error:
        raise DecodeError(f"it cannot be read ({error.strerror})") from error
    finally:
        os.close(descriptor)
    ffmpeg: tuple[str, _Opener] = ("FFmpeg", lambda: _open_ffmpeg(path, end))
    if start is not None and expected_s is None:
        return [ffmpeg]  # a doubtful mp3, on which libmpg123 would also print warnings
    return [
        (
            "libsndfile",
            lambda: SndfileSource(path, offset=start or 0, end=stop, expected_s=expected_s),
        ),
        ffmpeg,
    ]


def _open_ffmpeg(path: Path, end: int | None) -> "FfmpegSource":
    """Open a file with FFmpeg, which is loaded for the first file that needs it."""
    from tagger.audio.decode_ffmpeg import FfmpegSource  # noqa: PLC0415 - 0.05 s of every start

    return FfmpegSource(path, end=end)


class Track:
    """An opened audio file; all windows come as mono float32 at one sample rate."""

    def __init__(
        self, path: Path, openers: list[tuple[str, _Opener]], *, sample_rate: int
    ) -> None:
        """Open the file with the first decoder that can; use `open_track`.

        Raises:
            DecodeError: none can.
        """
        self._path = path
        self._openers, (_, self._open_ffmpeg) = openers, openers[-1]
        self._reasons: list[str] = []
        self._sample_rate = sample_rate
        self._name = ""
        self.is_partial = False  # some of it could not be read
        self._source = self._open_next()

    @property
    def duration_s(self) -> float:
        """Length in seconds, as far as known without decoding everything."""
        return self._source.n_samples / self._source.sample_rate

    @property
    def decoder(self) -> str:
        """The decoder in use: `libsndfile` or `ffmpeg`."""
        return self._source.decoder

    @property
    def codec(self) -> str:
        """The coding of the audio, such as `mp3`, `flac`, `alac` or `pcm_16`."""
        return self._source.codec

    def windows(self, *, window_len: int, n_windows: int) -> Iterator[Waveform]:
        """Yield windows that are spread evenly over the track, read by seeking.

        A window that cannot be read (damage in the middle, a file shorter than its header
        says) is left out. If none can be read by seeking, the file is decoded from its start,
        and so is a track that the windows cover.

        Args:
            window_len: window length in samples at the rate given to `open_track`.
            n_windows: how many are wanted of a track that is longer than all of them.

        Yields:
            Windows of shape (window_len,), at least one, in track order, finite, those of
            `tagger.audio.windows.spread_starts`; a track shorter than a window is filled up by
            repetition.

        Raises:
            DecodeError: no audio could be decoded, by either decoder.
        """
        while True:
            is_empty = True
            for windows_of in (self._by_seeking, self._by_streaming):
                for window in windows_of(window_len, n_windows):
                    is_empty = False
                    yield window
                if not is_empty:
                    return
            self._try_next_decoder()

    def windows_full(
        self, *, window_len: int, hop_len: int | None = None
    ) -> Iterator[Waveform]:
        """Yield windows that cover all of the track, in bounded memory.

        Args:
            window_len: window length in samples at the rate given to `open_track`.
            hop_len: distance between window starts in samples, 1..window_len; None for as
                few windows as cover the track, all equally far apart. The last window is
                moved back to end with the track.

        Yields:
            Windows of shape (window_len,), at least one, in track order, finite; a track
            shorter than a window is filled up by repetition.

        Raises:
            DecodeError: no audio could be decoded, by either decoder.
        """
        while True:
            is_empty = True
            hop = hop_len or even_hop(self._n_samples(), window_len=window_len)
            for window in self._stream(window_len=window_len, hop_len=hop):
                is_empty = False
                yield window
            if not is_empty:
                return
            self._try_next_decoder()

    def blocks(self) -> Iterator[Waveform]:
        """Yield all of the track, in bounded memory.

        Yields:
            Consecutive mono blocks at the rate given to `open_track`, none of them empty.

        Raises:
            DecodeError: no audio could be decoded, by either decoder.
        """
        while True:
            is_empty = True
            for block in self._resampled():
                if len(block):
                    is_empty = False
                    yield block
            if not is_empty:
                return
            self._try_next_decoder()

    def close(self) -> None:
        """Release the file; nothing can be read afterwards."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _n_samples(self) -> int:
        """Length at the wanted rate, as far as known without decoding everything."""
        return max(1, self._source.n_samples * self._sample_rate // self._source.sample_rate)

    def _by_seeking(self, window_len: int, n_windows: int) -> Iterator[Waveform]:
        source, rate = self._source, self._sample_rate
        n_samples = self._n_samples()
        needed = _ENOUGH * min(window_len, n_samples)
        starts = spread_starts(n_samples, window_len=window_len, n_windows=n_windows)
        if is_covered(n_samples, window_len=window_len, n_windows=n_windows):
            # Overlapping windows would be decoded twice. A length may be off by some samples,
            # which makes one window more; one that is far too short makes no others.
            hop_len = even_hop(n_samples, window_len=window_len)
            windows = self._stream(window_len=window_len, hop_len=hop_len)
            yield from islice(windows, len(starts) + 1)
            return
        for start in starts:
            piece = read_window(source, start, window_len=window_len, sample_rate=rate)
            if len(piece) >= max(1, needed):
                yield pad_window(piece, window_len=window_len)
            else:
                self.is_partial = True

    def _by_streaming(self, window_len: int, n_windows: int) -> Iterator[Waveform]:
        """Decode everything twice, to count windows and to pick some, evenly spread."""
        n_found = sum(1 for _ in self._stream(window_len=window_len, hop_len=window_len))
        n_picked = min(n_found, n_windows)
        picked = {(2 * i + 1) * n_found // (2 * n_picked) for i in range(n_picked)}
        windows = self._stream(window_len=window_len, hop_len=window_len)
        for index, window in enumerate(windows):
            if index in picked:
                yield window

    def _stream(self, *, window_len: int, hop_len: int) -> Iterator[Waveform]:
        blocks = self._resampled()
        for _, window in stream_windows(blocks, window_len=window_len, hop_len=hop_len):
            yield window

    def _resampled(self) -> Iterator[Waveform]:
        return stream_resampled(
            self._native_blocks(),
            native_rate=self._source.sample_rate,
            sample_rate=self._sample_rate,
        )

    def _native_blocks(self) -> Iterator[Waveform]:
        """Yield the track at its own rate; where libsndfile gives up early, FFmpeg goes on."""
        source = self._source
        n_read = 0
        for block in source.blocks():
            n_read += len(block)
            yield block
        self.is_partial |= n_read < _ENOUGH * source.n_samples
        # libsndfile ends at the first damage; FFmpeg steps over it, and finds the rest.
        if isinstance(source, SndfileSource) and 0 < n_read < 0.95 * source.n_samples:
            try:
                rest = self._open_ffmpeg()
            except DecodeError:
                return
            with closing(rest):
                if rest.sample_rate == source.sample_rate:
                    yield from rest.blocks(start=n_read)

    def _try_next_decoder(self) -> None:
        self._source.close()
        self._reasons.append(f"{self._name}: no audio could be decoded")
        self._source = self._open_next()

    def _open_next(self) -> AudioReader:
        while self._openers:
            self._name, opener = self._openers[0]
            self._openers = self._openers[1:]
            try:
                return opener()
            except DecodeError as error:
                self._reasons.append(f"{self._name}: {error}")
        raise DecodeError(
            f"{self._path}: cannot be decoded ({'; '.join(self._reasons)});"
            " if it plays elsewhere, converting it to FLAC may help."
        )
