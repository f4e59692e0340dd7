"""One branch of a run, in a process of its own: `python -m train.fit.branch RUN NUMBER`.

`train.fit.branches` starts it and reads its lines; it ends when its standard input is closed.
"""

import os
import sys
import threading
from pathlib import Path

from tagger.errors import TaggerError
from train.calibration.cross_validation import epoch_lines
from train.fit.branches import FAILED, fit_branch
from train.fit.run import reopened


def main(out: Path, number: int) -> int:
    """Fit it; returns the exit status."""
    threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        run = reopened(out)
        fit_branch(
            run.config,
            run.clips.split("train"),
            out=out,
            number=number,
            on_epoch=epoch_lines(_tell, "fit", run.config),
            valid=run.clips.split("valid"),
        )
    except TaggerError as error:
        reason = " ".join(str(error).split())
        sys.stderr.write(f"{reason}\n")
        return FAILED
    return 0


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _end_with_input() -> None:
    os.read(0, 1)  # past sys.stdin, whose lock a forked loader would inherit
    os._exit(1)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), int(sys.argv[2])))
