import numpy as np
import pytest
import soundfile
from mutagen.flac import FLAC

from tests.engines import RATE
from tests.learning.tone_model import HZ, save_tone_model

GENRES = {"Krautrock": (0, 1, 2, 3), "Schlager": (6, 7, 8, 9), "Sunday morning": (12, 13, 14)}
"""Which tones of the model's each genre is made of."""


def write_track(path, tones, *, seed, genres=(), artist=None, seconds=1.0):
    """Two of some tones and a little noise, as a FLAC file with tags."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(RATE * seconds)) / RATE
    chosen = rng.choice(tones, 2, replace=False)
    waveform = 0.2 * sum(np.sin(2 * np.pi * HZ[tone] * t) for tone in chosen)
    waveform += 0.003 * rng.standard_normal(len(t))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, waveform.astype(np.float32), RATE)
    tags = FLAC(path)
    if genres:
        tags["genre"] = list(genres)
    if artist:
        tags["artist"] = artist
    tags.save()
    return path


def write_genre(folder, genre, *, n_artists=5, n_tracks=2, tags=None, seed=0):
    """Tracks of a genre by some artists, tagged with it unless something else is said."""
    tones = GENRES.get(genre, (4, 5, 10, 11))
    return [
        write_track(
            folder / f"{genre} {artist}" / f"{track}.flac",
            tones,
            seed=seed + 1000 * artist + track + len(genre),
            genres=(genre,) if tags is None else tags,
            artist=f"{genre} band {artist}",
        )
        for artist in range(n_artists)
        for track in range(n_tracks)
    ]


@pytest.fixture
def models(tmp_path, monkeypatch):
    """The user's folder of models, with a base model in it."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("TAGGER_MODELS", str(folder))
    save_tone_model(folder / "base.onnx")
    return folder


@pytest.fixture
def music(tmp_path):
    """A library of three genres by five artists each."""
    folder = tmp_path / "music"
    for genre in GENRES:
        write_genre(folder, genre)
    return folder
