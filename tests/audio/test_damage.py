import struct
import subprocess
import sys
import time

import numpy as np
import pytest

from tagger.audio import mp3_duration, open_track
from tagger.errors import DecodeError
from tests.audio import make

RATE = 16_000


def wav_bytes(*, n_channels=1, rate=RATE, data=b"\0\1" * 1000, claimed=None):
    """A WAV file as bytes, honest or not."""
    size = len(data) if claimed is None else claimed
    form = struct.pack(
        "<HHIIHH", 1, n_channels, rate, rate * 2 & 0xFFFFFFFF, 2 * n_channels, 16
    )
    head = b"RIFF" + struct.pack("<I", min(size + 36, 0xFFFFFFFF)) + b"WAVEfmt "
    return head + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + data


def flac_claiming(folder, n_samples):
    """A FLAC file of one second whose header claims another length."""
    path = make.write(folder / "a.flac", make.sweep(RATE, rate=RATE), rate=RATE)
    content = bytearray(path.read_bytes())
    low = int.from_bytes(content[18:26]) & ~((1 << 36) - 1)
    content[18:26] = (low | n_samples).to_bytes(8)
    path.write_bytes(content)
    return path


def outcome(path):
    """The windows, or the sentence; in either case soon."""
    began = time.process_time()
    try:
        with open_track(path, sample_rate=RATE) as track:
            windows = list(track.windows(window_len=RATE, n_windows=4))
            full = list(track.windows_full(window_len=RATE, hop_len=RATE))
    except DecodeError as error:
        result = str(error)
        assert path.name in result
    else:
        result = windows
        assert windows
        assert full
        assert all(np.isfinite(window).all() for window in windows + full)
    assert time.process_time() - began < 5
    return result


BAD = {
    "empty": b"",
    "text": b"Not music, only words.\n" * 200,
    "id3-text": b"ID3\x04\0\0\0\0\0\0 words and no music" * 50,
    "zeros": bytes(10_000),
    "noise": np.random.default_rng(1).bytes(100_000),
    "playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/hostname\n",
    "concat": b"ffconcat version 1.0\nfile '/etc/hostname'\n",
    "no-channels": wav_bytes(n_channels=0),
    "1-hz": wav_bytes(rate=1),
    "10-mhz": wav_bytes(rate=10_000_000),
    "header-only": wav_bytes(data=b""),
    "huge-header-only": wav_bytes(data=b"", claimed=0xFFFFFFF0),
}


@pytest.mark.parametrize("name", BAD)
def test_bad(tmp_path, name):
    """What is no audio gives a sentence that names the file and the causes."""
    path = tmp_path / f"{name}.mp3"
    path.write_bytes(BAD[name])
    assert isinstance(outcome(path), str)


def test_high_rate(tmp_path):
    """768 kHz is unusual, but can be read."""
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(rate=768_000, data=b"\0\1" * 768_000))
    assert len(outcome(path)) == 1


@pytest.mark.parametrize("claimed", [2**32 - 16, 2**31])
def test_lying_wav(tmp_path, claimed):
    """A WAV header that claims gigabytes costs nothing: the file's size decides."""
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(data=b"\0\1" * (3 * RATE), claimed=claimed))
    assert len(outcome(path)) == 9  # three seconds, a quarter of a second apart


@pytest.mark.parametrize("n_samples", [0, 2 * RATE, 2**35, 2**36 - 1])
def test_lying_flac(tmp_path, n_samples):
    """A FLAC header that lies about the length still gives the second that is there."""
    windows = outcome(flac_claiming(tmp_path, n_samples))
    assert isinstance(windows, list)
    assert np.abs(windows[0]).max() > 0.1


@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg", "wav", "opus"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9])
def test_truncated(tmp_path, suffix, kept):
    """A truncated file gives the windows that are left, or a sentence."""
    options = {"format": "OGG", "subtype": "OPUS"} if suffix == "opus" else {}
    path = make.write(
        tmp_path / f"a.{suffix}", make.sweep(20 * RATE, rate=RATE), rate=RATE, **options
    )
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    result = outcome(path)
    if kept >= 0.5:
        assert isinstance(result, list)


@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg", "wav"])
def test_damaged_middle(tmp_path, suffix):
    """A hole in the middle costs the windows that lie in it, and no others before it."""
    path = make.write(tmp_path / f"a.{suffix}", make.sweep(40 * RATE, rate=RATE), rate=RATE)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + len(content) // 20] = bytes(len(content) // 20)
    path.write_bytes(content)
    assert len(outcome(path)) >= 2


def test_silence_on_stderr(tmp_path):
    """Refusing broken files writes nothing to stderr, not even from the C libraries."""
    for name, content in BAD.items():
        (tmp_path / f"{name}.mp3").write_bytes(content)
    code = (
        "import sys, pathlib\n"
        "from tagger.audio import open_track\n"
        "from tagger.errors import DecodeError\n"
        "for path in pathlib.Path(sys.argv[1]).iterdir():\n"
        "    try: list(open_track(path, sample_rate=8000).windows(window_len=9, n_windows=1))\n"
        "    except DecodeError: pass\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path)],
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert run.stderr == b""


def misplaced_info(path):
    """Move the Info header to where FFmpeg 3.0 wrote it, as if mono were stereo."""
    content = bytearray(path.read_bytes())
    at = min(i for i in (content.find(b"Info"), content.find(b"Xing")) if i >= 0)
    content[at : at + 40] = bytes(8) + content[at : at + 32]
    path.write_bytes(content)


def test_wrong_length(tmp_path):
    """An mp3 whose length libsndfile would misjudge is read to its end by FFmpeg."""
    path = make.write(
        tmp_path / "a.mp3", make.sweep(30 * RATE, rate=RATE), rate=RATE, format="MP3"
    )
    with path.open("rb") as file:
        assert mp3_duration.expected_duration(file.fileno(), 0, None) == pytest.approx(
            30, abs=0.2
        )
    misplaced_info(path)
    with open_track(path, sample_rate=RATE) as track:
        assert track.decoder == "ffmpeg"
        assert track.duration_s == pytest.approx(30, abs=0.2)


def test_constant_bitrate(tmp_path):
    """Without a Xing header the bitrate tells the length, behind any ID3 tag."""
    path = make.write_av(
        tmp_path / "a.mp3",
        make.sweep(30 * 44_100, rate=44_100),
        rate=44_100,
        codec="libmp3lame",
    )
    content = path.read_bytes()
    audio = content.find(b"\xff\xfb", content.find(b"Xing") + content.find(b"Info") + 100)
    path.write_bytes(b"ID3\x04\0\0\0\0\0\x14" + bytes(20) + content[audio:])
    with path.open("rb") as file:
        assert mp3_duration.find_start(file.fileno()) == 30
        assert mp3_duration.expected_duration(file.fileno(), 30, None) == pytest.approx(
            30, rel=0.02
        )
