"""Processes of the system, as /proc tells of them, and what a killed program leaves."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def is_running(pid):
    """Whether there is such a process, and not only its exit status."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}


def children_of(pid):
    """Those that it has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


def check_ended(pids, *, limit_s):
    """Give processes that long to end."""
    until = time.monotonic() + limit_s
    while any(map(is_running, pids)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not [pid for pid in pids if is_running(pid)]


def kill_once_ready(script, *words, limit_s):
    """Kill a Python program when it prints `now`; it has children by then, and none stays."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, script, *words], stdout=subprocess.PIPE, env=environment, text=True
    ) as running:
        assert running.stdout.readline() == "now\n"
        children = children_of(running.pid)
        running.send_signal(signal.SIGKILL)
    assert len(children) >= 2
    check_ended(children, limit_s=limit_s)
