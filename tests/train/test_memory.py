"""What a fit tells the C library about its memory."""

import ctypes
import subprocess
import sys

import pytest

from train.fit import memory

PAGES = """
import ctypes, resource, sys, torch
from train.fit.memory import keep_freed_memory
kept = sys.argv[1] == "kept" and keep_freed_memory()
for i in range(20):
    if i == 10:  # by then the heap is as large as it has to be
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    x = torch.ones(12_000_000)
    del x
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_memory_that_is_kept_is_not_filled_with_zeros_again():
    """Ten tensors of 48 MB one after the other: once kept, no page comes from the system."""
    said = {}
    for way in ("usual", "kept"):
        done = subprocess.run(
            [sys.executable, "-c", PAGES, way], capture_output=True, text=True, check=True
        )
        kept, faults = done.stdout.split()
        said[way] = int(faults)
    if kept == "False":
        pytest.skip("the C library is not glibc")
    assert said["kept"] < said["usual"] / 10


def test_another_c_library_is_left_alone(monkeypatch):
    """Nothing is called that it does not have."""
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert memory.keep_freed_memory() is False
