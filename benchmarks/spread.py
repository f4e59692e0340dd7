"""Do a few spread windows hear what the whole track says? `spread.py [--windows 3 6 9]`.

First label of the default windows against `--full`, on the whole songs of `songs-cc` and on
`gtzan-audio`. Recordings shorter than the windows together give the same answer either way and
count as well, since the scan meets them too; how many there are is printed.
"""

import argparse

import numpy as np
from measure import data_folder, emit
from scores import genre_columns

from tagger.library.walk import find_tracks
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.load import load_engine
from tagger.scan.pipeline import ListenOptions, analyse


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--windows", type=int, nargs="+", default=[3, 6, 9, 12])
    given = parser.parse_args()
    engine = load_engine(find_model(DEFAULT), device="cpu")
    is_genre = genre_columns(engine.spec)
    paths = list(find_tracks([data_folder() / name for name in ("songs-cc", "gtzan-audio")]))

    def heard(options: ListenOptions) -> dict[str, tuple[int, float]]:
        """Path to (first label, seconds)."""
        return {
            str(track.path): (int((track.scores * is_genre).argmax()), track.duration_s or 0.0)
            for track in analyse(paths, engine, options)
            if track.scores is not None
        }

    full = heard(ListenOptions(full=True))
    figures: dict[str, object] = {"n_files": len(full)}
    for n_windows in given.windows:
        few = heard(ListenOptions(n_windows=n_windows))
        same = np.array([few[path][0] == full[path][0] for path in full])
        all_s = n_windows * engine.spec.window_s
        longer = np.array([full[path][1] > all_s for path in full])
        figures[f"{n_windows}_windows"] = {
            "same_first_label": round(float(same.mean()), 4),
            "n_longer": int(longer.sum()),
            "same_of_the_longer": round(float(same[longer].mean()), 4) if any(longer) else 1.0,
        }
    emit(figures)


if __name__ == "__main__":
    main()
