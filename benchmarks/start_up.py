"""How long a command takes from nothing: `start_up.py [--rounds N]`.

`tagger --help`, and `tagger predict` of a song of about three minutes, whole
processes, medians.
"""

import argparse
import subprocess
import sys

from measure import alternate, emit, songs

RUN = [sys.executable, "-c", "from tagger.cli.app import main; main()"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    song = max(songs(n_files=1), key=lambda path: path.stat().st_size)

    def run(*words: str) -> None:
        subprocess.run([*RUN, *words], check=True, capture_output=True)

    jobs = {
        "help_s": lambda: run("--help"),
        "predict_s": lambda: run("predict", str(song)),
        "python_s": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
    }
    alternate(jobs, n_rounds=1)  # compiled files and the file cache
    emit({"song": song.name, **alternate(jobs, n_rounds=given.rounds)})


if __name__ == "__main__":
    main()
