import os
import threading

import numpy as np
import pytest
import soxr

from tagger.audio import open_track
from tagger.audio.decode_ffmpeg import FfmpegSource
from tagger.errors import DecodeError
from tests.audio import make

RATE = 16_000
WINDOW = 2 * RATE

LIBSNDFILE = {
    "mp3": {"format": "MP3"},
    "flac": {"format": "FLAC"},
    "vorbis": {"format": "OGG", "subtype": "VORBIS"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
    "pcm_16": {"format": "WAV"},
    "pcm_24": {"format": "AIFF", "subtype": "PCM_24"},
}
FFMPEG = {
    "aac": ("ipod", "fltp"),
    "alac": ("ipod", "s16p"),
    "wmav2": ("asf", "fltp"),
    "wavpack": ("wv", "fltp"),
    "tta": ("tta", "s16"),
    "ac3": ("ac3", "fltp"),
    "libopus": ("matroska", "flt"),
}


def written(folder, codec, samples, rate):
    """Write the samples in one of the codings above, under a suffix that tells nothing."""
    path = folder / f"{codec}.bin"
    if codec in LIBSNDFILE:
        return make.write(path, samples, rate=rate, **LIBSNDFILE[codec])
    container, sample_format = FFMPEG[codec]
    return make.write_av(
        path, samples, rate=rate, codec=codec, container=container, sample_format=sample_format
    )


def correlation(one, other):
    """How alike two windows are, 1 if they are but for their level."""
    return float(np.corrcoef(one, other)[0, 1])


def all_of(path, *, rate=RATE, window_len=WINDOW):
    """Windows that lie side by side; only the last may overlap the one before."""
    with open_track(path, sample_rate=rate) as track:
        return list(track.windows_full(window_len=window_len, hop_len=window_len))


@pytest.mark.parametrize("codec", [*LIBSNDFILE, *FFMPEG])
def test_container(tmp_path, codec):
    """Windows read by seeking hold the music of their place, in every container."""
    rate = 48_000
    samples = make.sweep(30 * rate, rate=rate, n_channels=2)
    with open_track(written(tmp_path, codec, samples, rate), sample_rate=RATE) as track:
        windows = list(track.windows(window_len=WINDOW, n_windows=4))
        assert track.decoder == ("libsndfile" if codec in LIBSNDFILE else "ffmpeg")
        assert track.duration_s == pytest.approx(30, abs=0.1)
    original = soxr.resample(samples[:, 0], rate, RATE)
    assert len(windows) == 4
    gap = (30 * RATE - 4 * WINDOW) // 4
    for index, window in enumerate(windows):
        assert window.dtype == np.float32
        start = index * (WINDOW + gap) + gap // 2
        # Encoders delay by some milliseconds that not every container states.
        matches = [
            correlation(original[start + shift :][:WINDOW], window)
            for shift in range(-1500, 1500, 2)
        ]
        assert max(matches) > 0.98


@pytest.mark.parametrize("codec", ["mp3", "flac", "opus", "pcm_16", "alac", "wavpack"])
@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_seeking_equals_full_decode(tmp_path, codec, rate):
    """A window read by seeking equals the same part of the whole decoded track."""
    path = written(tmp_path, codec, make.sweep(9 * rate, rate=rate, n_channels=2), rate)
    whole = np.concatenate(all_of(path, rate=22_050, window_len=1000)[:-1])
    with open_track(path, sample_rate=22_050) as track:
        n_samples = int(track.duration_s * 22_050)
        windows = list(track.windows(window_len=22_050, n_windows=3))
    gap = n_samples - 3 * 22_050
    for index, window in enumerate(windows):
        start = index * 22_050 + (2 * index + 1) * gap // 6
        expected = whole[start : start + 22_050]
        assert len(expected) > 20_000
        assert np.abs(expected - window[: len(expected)]).max() < 2e-3


@pytest.mark.parametrize("native", [8_000, 11_025, 44_100, 48_000, 96_000, 192_000])
def test_tone(tmp_path, native):
    """A tone keeps its frequency and its level whatever the sample rate of the file."""
    path = make.write(
        tmp_path / "a.wav", make.tone(5 * native, rate=native, hz=1000), rate=native
    )
    with open_track(path, sample_rate=RATE) as track:
        windows = list(track.windows(window_len=RATE, n_windows=3))
    for window in windows:
        assert np.abs(np.fft.rfft(window)).argmax() == 1000  # one bin is one hertz
        assert np.sqrt(2 * np.mean(window**2)) == pytest.approx(0.5, rel=0.01)


def test_out_of_band(tmp_path):
    """A tone above the new Nyquist frequency is removed, at the edges of a window too."""
    path = make.write(tmp_path / "a.wav", make.tone(441_000, rate=44_100, hz=9500), rate=44_100)
    with open_track(path, sample_rate=RATE) as track:
        middle = list(track.windows(window_len=RATE, n_windows=3))[1]
    assert np.abs(middle).max() < 1e-3


@pytest.mark.parametrize("n_samples", [1, 2, WINDOW - 1, WINDOW, WINDOW + 1])
@pytest.mark.parametrize("way", ["windows", "windows_full"])
def test_lengths(tmp_path, n_samples, way):
    """A track of any length gives whole windows that cover it; a short one is repeated."""
    samples = make.sweep(n_samples, rate=RATE) + 0.1
    path = make.write(tmp_path / "a.wav", samples, rate=RATE, subtype="FLOAT")
    with open_track(path, sample_rate=RATE) as track:
        if way == "windows":
            windows = list(track.windows(window_len=WINDOW, n_windows=8))
        else:
            windows = list(track.windows_full(window_len=WINDOW, hop_len=WINDOW // 2))
    assert [window.shape for window in windows] == [(WINDOW,)] * (1 + (n_samples > WINDOW))
    assert np.array_equal(windows[0], np.resize(samples[:, 0], WINDOW))
    assert windows[-1][-1] == pytest.approx(
        np.resize(samples[:, 0], max(n_samples, WINDOW))[-1]
    )


def test_channels(tmp_path):
    """Eight channels are averaged, and what is not a number becomes silence."""
    samples = np.tile(np.arange(8, dtype=np.float32) / 8, (RATE, 1))
    samples[10, 0], samples[20, 1], samples[30] = np.nan, np.inf, np.nan
    path = make.write(tmp_path / "a.wav", samples, rate=RATE, subtype="FLOAT")
    window = next(iter(all_of(path, window_len=RATE)))
    assert np.isfinite(window).all()
    assert window[30] == 0
    assert window[100] == pytest.approx(3.5 / 8, abs=1e-6)


@pytest.mark.parametrize("kind", ["fifo", "folder", "missing", "socket", "device"])
def test_no_file(tmp_path, kind):
    """What is no regular file is refused with a sentence, at once."""
    path = tmp_path / "a.mp3"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        os.mknod(path, 0o140600)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    raised = []

    def attempt():
        with pytest.raises(DecodeError, match=r"a\.mp3: .*\.$") as caught:
            open_track(path, sample_rate=RATE)
        raised.append(caught)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(timeout=60)
    assert raised


def test_threads(tmp_path):
    """Tracks decoded side by side in threads give what they give one after the other."""
    paths = [
        written(tmp_path, codec, make.sweep(5 * RATE, rate=RATE), RATE)
        for codec in ("mp3", "alac", "flac")
    ]
    alone = [np.concatenate(all_of(path)) for path in paths]
    together = {}
    threads = [
        threading.Thread(target=lambda p=p: together.update({p: np.concatenate(all_of(p))}))
        for p in paths
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for path, expected in zip(paths, alone, strict=True):
        assert np.array_equal(together[path], expected)


def test_ffmpeg_positions(tmp_path):
    """Seeking and streaming agree in FFmpeg's decoder, which keeps its own time line."""
    path = written(tmp_path, "alac", make.sweep(6 * RATE, rate=RATE, n_channels=2), RATE)
    source = FfmpegSource(path)
    whole = np.concatenate(list(source.blocks()))
    for start in (0, 1, 30_000, 96_000 - 5000):
        assert np.array_equal(source.read(start, 5000), whole[start : start + 5000])
    assert np.array_equal(np.concatenate(list(source.blocks(30_000))), whole[30_000:])
    assert len(source.read(200_000, 5000)) == 0
    source.close()


@pytest.mark.slow
def test_memory(tmp_path):
    """An hour of audio is streamed in the memory of a minute."""
    import resource  # noqa: PLC0415

    import soundfile  # noqa: PLC0415

    path = tmp_path / "a.flac"
    with soundfile.SoundFile(path, "w", 8000, 1) as out:
        for _ in range(3600):
            out.write(make.tone(8000, rate=8000, hz=440))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open_track(path, sample_rate=RATE) as track:
        n_windows = sum(1 for _ in track.windows_full(window_len=10 * RATE, hop_len=10 * RATE))
    assert n_windows == 360
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # KiB


@pytest.mark.parametrize("missing", [0, 5])
def test_a_short_track_gets_the_same_windows_as_all_of_it(tmp_path, monkeypatch, missing):
    """Also where its length, as it is known before decoding, is off by some samples."""
    samples = np.random.default_rng(0).normal(scale=0.1, size=3 * RATE).astype(np.float32)
    path = written(tmp_path, "flac", samples, RATE)
    with open_track(path, sample_rate=RATE) as track:
        monkeypatch.setattr(type(track), "_n_samples", lambda _: len(samples) - missing)
        few = list(track.windows(window_len=WINDOW, n_windows=6))
        every = list(track.windows_full(window_len=WINDOW))
    assert len(few) == 3
    np.testing.assert_array_equal(few, every)
