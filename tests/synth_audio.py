"""A short tone in every container, from encoders that the project needs anyway."""

import struct
from pathlib import Path

import av
import numpy as np
import soundfile
from mutagen.ogg import OggPage

RATE = 44_100

_SOUNDFILE = {
    "wav": ("wav", "WAV", "PCM_16"),
    "aiff": ("aiff", "AIFF", "PCM_16"),
    "flac": ("flac", "FLAC", "PCM_16"),
    "ogg-vorbis": ("ogg", "OGG", "VORBIS"),
    "au": ("au", "AU", "PCM_16"),
    "caf": ("caf", "CAF", "PCM_16"),
    "w64": ("w64", "W64", "PCM_16"),
    "rf64": ("rf64", "RF64", "PCM_16"),
}
_PYAV = {
    "opus": ("opus", "ogg", "libopus", 48_000),
    "mp3": ("mp3", "mp3", "libmp3lame", RATE),
    "m4a-aac": ("m4a", "ipod", "aac", RATE),
    "m4a-alac": ("m4a", "ipod", "alac", RATE),
    "m4b": ("m4b", "ipod", "aac", RATE),
    "wma": ("wma", "asf", "wmav2", RATE),
    "wavpack": ("wv", "wv", "wavpack", RATE),
    "tta": ("tta", "tta", "tta", RATE),
    "aac": ("aac", "adts", "aac", RATE),
    "aac-id3": ("aac", "adts", "aac", RATE),
    "ac3": ("ac3", "ac3", "ac3", RATE),
    "ogg-flac": ("oga", "ogg", "flac", RATE),
    "mka": ("mka", "matroska", "aac", RATE),
    "webm": ("webm", "webm", "libopus", 48_000),
}

WRITABLE = (
    "wav", "rf64", "aiff", "flac", "ogg-vorbis", "opus", "ogg-flac", "speex", "mp3", "aac-id3",
    "m4a-aac", "m4a-alac", "m4b", "wma", "wavpack", "tta", "ape", "dsf", "mka", "webm",
)  # fmt: skip
"""Kinds that a genre can be written to."""

FAKE = ("ape", "speex")
"""Kinds whose audio cannot be decoded, since nothing at hand encodes them."""

READ_ONLY = ("au", "caf", "w64", "aac", "ac3")
"""Kinds that can carry no genre of ours."""

KINDS = WRITABLE + READ_ONLY


def tone(duration_s: float = 0.5, *, rate: int = RATE, n_channels: int = 2) -> np.ndarray:
    """A sine of 440 Hz with a little noise, float32, shape (n_samples, n_channels)."""
    n_samples = int(duration_s * rate)
    time_s = np.arange(n_samples) / rate
    noise = np.random.default_rng(0).normal(scale=0.01, size=n_samples)
    wave = 0.4 * np.sin(2 * np.pi * 440 * time_s) + noise
    return np.repeat(wave[:, None], n_channels, axis=1).astype(np.float32)


def make_audio(
    folder: Path, kind: str, *, duration_s: float = 0.5, name: str = "tone", title: str = ""
) -> Path:
    """A new file of one of `KINDS` in `folder`.

    Args:
        folder: where; it exists.
        kind: the container, and the codec where there is a choice.
        duration_s: how long the tone is.
        name: the file's name without suffix.
        title: a title tag, where FFmpeg writes the container.
    """
    if kind in _SOUNDFILE:
        suffix, file_format, subtype = _SOUNDFILE[kind]
        path = folder / f"{name}.{suffix}"
        soundfile.write(path, tone(duration_s), RATE, subtype, format=file_format)
        return path
    if kind == "ape":
        return _fake_ape(folder / f"{name}.ape")
    if kind == "dsf":
        return _silent_dsf(folder / f"{name}.dsf")
    if kind == "speex":
        return _fake_speex(folder / f"{name}.spx")
    suffix, file_format, codec, rate = _PYAV[kind]
    path = folder / f"{name}.{suffix}"
    waveform = tone(duration_s, rate=rate)
    options = {"write_id3v2": "1"} if kind == "aac-id3" else {}
    _encode(path, file_format, codec, options, waveform=waveform, rate=rate, title=title)
    return path


def make_all(folder: Path) -> dict[str, Path]:
    """One file of each kind."""
    return {kind: make_audio(folder, kind, name=kind) for kind in KINDS}


def decoded(path: Path) -> bytes:
    """All samples of the first audio stream as FFmpeg decodes them."""
    with av.open(str(path)) as container:
        return b"".join(frame.to_ndarray().tobytes() for frame in container.decode(audio=0))


def _encode(
    path: Path,
    file_format: str,
    codec: str,
    options: dict[str, str],
    *,
    waveform: np.ndarray,
    rate: int,
    title: str,
) -> None:
    """Encode stereo samples, shape (n_samples, 2), with one of FFmpeg's encoders."""
    samples = np.ascontiguousarray(waveform.T)
    with av.open(str(path), "w", format=file_format, options=options) as container:
        if title:
            container.metadata["title"] = title
        stream = container.add_stream(codec, rate=rate, layout="stereo")
        context = stream.codec_context
        if codec == "wmav2":
            context.bit_rate = 128_000  # it has no default of its own
        wanted = context.codec.audio_formats[0].name
        resampler = av.AudioResampler(wanted, "stereo", rate, context.frame_size or 4096)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate = rate
        frame.pts = 0
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def _fake_ape(path: Path) -> Path:
    """The headers of a Monkey's Audio file over frames that decode to nothing.

    No free encoder exists; what tags need is that the container is recognised.
    """
    descriptor = struct.pack("<4sHHIIIIIII", b"MAC ", 3990, 0, 52, 24, 4, 0, 400, 0, 0)
    header = struct.pack("<HHIIIHHI", 2000, 0, 73_728, 1000, 1, 16, 2, RATE)
    path.write_bytes(descriptor + bytes(16) + header + bytes(4) + bytes(range(200)) * 2)
    return path


def _fake_speex(path: Path) -> Path:
    """A Speex header, a comment and packets that decode to nothing in particular.

    The encoder is in few builds of FFmpeg; what tags need is pages and packets.
    """
    header = struct.pack("<8s20sii", b"Speex   ", b"1.2", 1, 80)
    header += struct.pack("<iiiiiiiiiii", 16_000, 1, 4, 1, -1, 320, 0, 1, 0, 0, 0)
    comment = struct.pack("<I4sI", 4, b"test", 1) + struct.pack("<I", 13) + b"title=A title"
    packets = [header, comment, *(bytes([i % 256]) * 42 for i in range(60))]
    pages = []
    for number, group in enumerate(([0], [1], range(2, 32), range(32, 62))):
        page = OggPage()
        page.packets = [packets[i] for i in group]
        page.serial, page.sequence = 77, number
        page.first, page.last = number == 0, number == 3
        page.position = max(0, group[-1] - 1) * 320
        pages.append(page.write())
    path.write_bytes(b"".join(pages))
    return path


def _silent_dsf(path: Path) -> Path:
    """One block of DSD silence per channel."""
    data = b"\x69" * 8192
    fmt = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, 2, 2, 2_822_400, 1, 32_768, 4096, 0)
    chunk = struct.pack("<4sQ", b"data", 12 + len(data)) + data
    head = struct.pack("<4sQQQ", b"DSD ", 28, 28 + len(fmt) + len(chunk), 0)
    path.write_bytes(head + fmt + chunk)
    return path
