import subprocess
import sys

CODE = """
import os, sys
from tagger.system.quiet import silence_native_stderr
silence_native_stderr()
os.write(2, b"native remark")
sys.stderr.write("python says")
"""


def test_quiet():
    """What C libraries write to descriptor 2 is gone, what Python writes is seen."""
    run = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True)
    assert run.stderr == b"python says"


def test_no_stderr():
    """A program without stderr is left alone."""
    code = "import sys; sys.stderr = None\n" + CODE.replace(
        'sys.stderr.write("python says")', ""
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
