"""Whether the system tells who has a file open: Linux does on most file systems."""

import os

import pytest


def need_leases(folder):
    """Skip a test where a file system gives no lease (fcntl(2), F_SETLEASE)."""
    fcntl = pytest.importorskip("fcntl")
    if not hasattr(fcntl, "F_SETLEASE"):
        pytest.skip("only Linux gives leases")
    path = folder / ".lease"
    path.touch()
    file = os.open(path, os.O_RDONLY)
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        pytest.skip(f"{folder}: its file system gives no lease ({error.strerror})")
    finally:
        os.close(file)
        path.unlink()
