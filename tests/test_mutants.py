import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_damaged_files_keep_every_promise(tmp_path):
    """300 mutants of every container: no crash, no hang, nothing but errors of ours.

    Reading changes no byte; what is written reads back, sounds the same and can be undone to
    the byte. `benchmarks/mutate.py` runs thousands.
    """
    environment = {key: value for key, value in os.environ.items() if key != "TAGGER_DATA"}
    run = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "mutate.py", "-n", "300", "--jobs", "1"],
        env=environment | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["faults"] == [], run.stderr
    assert found["n_mutants"] == 300
    assert found["n_heard"] > 50
    assert found["n_changes"] > 150
