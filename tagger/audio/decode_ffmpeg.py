"""The FFmpeg decoder (through PyAV): m4a, wma, ape, wavpack, and what libsndfile refuses."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from tagger.audio import asf_duration
from tagger.audio.downmix import STRETCH_LEN, Downmix
from tagger.audio.open_files import Part
from tagger.audio.reader import BLOCK_LEN, LOWEST_BITRATE_BPS, check_format, to_float
from tagger.audio.windows import Waveform
from tagger.errors import DecodeError

av.logging.set_level(None)  # what FFmpeg thinks of a file is no message to the user

_ERRORS = (av.FFmpegError, OSError, ValueError, RuntimeError, IndexError)

_PREROLL_S = 0.3
"""Decoded and dropped after a seek: the bit reservoir of a 24 kb/s mp3, Opus' 80 ms."""

_GAP_S = 0.05
"""A time stamp that is off by more is a gap, by less the rounding of the container."""

_HEADERLESS = frozenset(
    {"aac", "ac3", "amr", "dts", "eac3", "latm", "loas", "mlp", "mp3", "truehd"}
)
"""Formats whose length FFmpeg estimates from the bitrate, or believes a Xing header for."""


class FfmpegSource:
    """The first audio stream of a file opened by FFmpeg, decoded in one thread."""

    decoder = "ffmpeg"

    def __init__(self, path: Path, *, end: int | None = None) -> None:
        """Open the file.

        Args:
            path: the file.
            end: where it ends for FFmpeg, in bytes (before the tags behind an mp3); None
                for all of it.

        Raises:
            DecodeError: FFmpeg cannot open it, or it holds no audio stream.
        """
        self._path, self._end = path, end
        self._bytes, self._container = _open(path, end)
        try:
            self._stream = _first_audio(self._container)
            context = self._stream.codec_context
            self.codec: str = getattr(context.codec, "canonical_name", context.codec.name)
            self.sample_rate: int = context.sample_rate or 0
            check_format(sample_rate=self.sample_rate, n_channels=context.channels)
            self.n_samples = round(self._duration_s() * self.sample_rate)
            self._first_pts = self._find_first_pts()
        except _ERRORS as error:
            self.close()
            raise DecodeError(str(error)) from error
        except DecodeError:
            self.close()
            raise

    def _duration_s(self) -> float:
        """Return the stated length, or count packets where nobody really knows it.

        Raises:
            DecodeError: there is no packet of audio.
        """
        stated_s = self._stated_s()
        if stated_s > 0:
            return stated_s
        counted_s = self._count_s()
        if counted_s <= 0:
            raise DecodeError("the file has no audio")
        return counted_s

    def _stated_s(self) -> float:
        """Return the length that the file states; 0 where it is not to be believed."""
        name = self._container.format.name
        if name == "asf":
            return asf_duration.stated_duration(self._path) or 0.0
        stated_s = 0.0
        if self._stream.duration is not None:
            stated_s = float(self._stream.duration * self._stream.time_base)
        elif self._container.duration is not None:
            stated_s = self._container.duration / av.time_base
        # A damaged length would otherwise spread the windows over hours that are not there.
        is_plausible = self._container.size * 8 >= stated_s * LOWEST_BITRATE_BPS
        return stated_s if name not in _HEADERLESS and is_plausible else 0.0

    def _count_s(self) -> float:
        """Add up the lengths of all packets: 0.02 s for a song, reading all of it."""
        opened, container = _open(self._path, self._end)
        with opened, container:
            stream = _first_audio(container)
            ticks, last_pts = 0, 0
            for packet in _packets(container, stream):
                ticks += packet.duration or 0
                last_pts = max(last_pts, packet.pts or 0)
            if ticks == 0:
                ticks = last_pts - (stream.start_time or 0)
            return float(ticks * stream.time_base)

    def _find_first_pts(self) -> int:
        """Return the time stamp of the first sample: not every stream begins at its start."""
        for frame in self._decoded():
            return frame.pts or 0
        raise DecodeError("no audio could be decoded")

    def read(self, start: int, n_samples: int) -> Waveform:
        """Return the mono audio from `start`, shorter where the readable part ends."""
        pieces: list[NDArray[np.float32]] = []
        next_position = first = start
        end = start + n_samples
        for position, channels in self._frames(start):
            # A seek lands on a frame before the place: what lies before the window is dropped.
            if position + len(channels) <= next_position:
                continue
            if position > next_position:
                if pieces or position > next_position + _GAP_S * self.sample_rate:
                    break  # the seek landed behind the window, or a part of it is lost
                next_position = first = position
            pieces.append(channels[next_position - position : end - position])
            next_position += len(pieces[-1])
            if next_position >= end:
                break
        # Silence stands for a small gap in front, so that the window keeps its place.
        mono = _mix(pieces, Downmix(first))
        return np.pad(mono, (first - start, 0))[:n_samples] if first > start else mono

    def blocks(self, start: int = 0) -> Iterator[Waveform]:
        """Yield consecutive mono blocks from `start` to the end of the readable part."""
        held: list[NDArray[np.float32]] = []
        n_held = 0
        # The first block ends where a stretch does, and so do all others.
        block_len = BLOCK_LEN - start % STRETCH_LEN
        downmix = Downmix(start)
        for position, channels in self._frames(start):
            held.append(channels if start == 0 else channels[max(0, start - position) :])
            n_held += len(held[-1])
            while n_held >= block_len:
                n_held -= block_len
                piece = held.pop()
                whole = len(piece) - n_held
                yield _mix([*held, piece[:whole]], downmix)
                held, block_len = [piece[whole:]], BLOCK_LEN
        if n_held:
            yield _mix(held, downmix)

    def _frames(self, start: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield (position, audio of shape (n_samples, n_channels)) from before `start`.

        Positions follow the count of decoded samples; a time stamp corrects them only where
        it shows a gap, since most containers round their stamps.
        """
        scale = float(self._stream.time_base) * self.sample_rate
        first_pts = self._first_pts
        # Seeking counts in the stream's own ticks, from its own first stamp.
        target = max(0, int((start - _PREROLL_S * self.sample_rate) / scale))
        try:
            if target:
                self._container.seek(first_pts + target, stream=self._stream)
            else:
                self._reopen()
        except (*_ERRORS, DecodeError):
            return
        running: int | None = 0 if start == 0 else None
        for frame in self._decoded():
            stamped = None if frame.pts is None else round((frame.pts - first_pts) * scale)
            if running is None or (
                stamped is not None and abs(stamped - running) > _GAP_S * self.sample_rate
            ):
                running = stamped
            if running is None:
                return  # nobody knows where the seek landed
            channels = _channels(frame)
            yield running, channels
            running += len(channels)

    def _reopen(self) -> None:
        """Begin anew: in a damaged ASF file a seek to the start may land anywhere."""
        self.close()
        self._bytes, self._container = _open(self._path, self._end)
        self._stream = _first_audio(self._container)

    def _decoded(self) -> Iterator[Any]:
        """Yield the frames that can be decoded, while they are of the format of the first."""
        for packet in _packets(self._container, self._stream):
            try:
                frames = packet.decode()
            except _ERRORS:
                continue  # a damaged packet: the next one may be whole
            for frame in frames:
                if frame.sample_rate != self.sample_rate:
                    return  # a spliced stream; its other rate has no place on our time line
                yield frame

    def close(self) -> None:
        """Release the file; nothing can be read afterwards."""
        self._container.close()
        self._bytes.close()


def _open(path: Path, end: int | None) -> tuple[Part, Any]:
    opened = Part(path, end=end)
    try:
        # No protocol at all: a playlist posing as audio cannot reach other files or hosts.
        container = av.open(
            opened, metadata_errors="replace", options={"protocol_whitelist": "none"}
        )
    except _ERRORS as error:
        opened.close()
        raise DecodeError(getattr(error, "strerror", None) or str(error)) from error
    return opened, container


def _first_audio(container: Any) -> Any:
    if not container.streams.audio:
        raise DecodeError("the file has no audio stream")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise DecodeError("FFmpeg has no decoder for its audio")
    stream.codec_context.thread_count = 1  # tracks are decoded side by side: no core is idle
    return stream


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    try:
        yield from container.demux(stream)
    except _ERRORS:
        return


def _channels(frame: Any) -> NDArray[np.float32]:
    """Return the audio of a frame, shape (n_samples, n_channels)."""
    samples = to_float(frame.to_ndarray())
    # A planar frame has a row for each channel, a packed one a single row of them all.
    return samples.T if frame.format.is_planar else samples.reshape(frame.samples, -1)


def _mix(pieces: list[NDArray[np.float32]], downmix: Downmix) -> Waveform:
    """Join and mix down, in one go unless the number of channels changes on the way."""
    mixed = [np.zeros(0, np.float32)]
    for _, alike in itertools.groupby(pieces, key=lambda piece: piece.shape[1]):
        # Joined channel by channel: planar frames are views that way, and copied once.
        joined = np.concatenate([piece.T for piece in alike], axis=1).T
        mixed.append(downmix.mix(joined))
    return np.concatenate(mixed) if len(mixed) > 2 else mixed[-1]
