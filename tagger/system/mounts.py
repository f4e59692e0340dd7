"""Whether a folder lies on this machine or on another one."""

import re
from pathlib import Path

_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|ncpfs|afs|9p|ceph|glusterfs|lustre|gpfs|beegfs|davfs\w*|virtiofs"
    r"|fuse\.(?!ext|ntfs|exfat|zfs|btrfs|overlay|mergerfs|unionfs).*"
)
"""Types of file systems on which processes cannot be trusted to share memory.

Of those in user space, what is known to be local is excepted.
"""

_MOUNTS = Path("/proc/mounts")


def is_on_network(folder: Path, *, mounts: Path = _MOUNTS) -> bool:
    """Whether a folder lies on a file system of another machine.

    Processes of several machines share no memory there, and the kernel does not know who else
    has a file open. Where it lists no mounts, a guess by name must do.

    Args:
        folder: an existing folder.
        mounts: the kernel's table of mounts.
    """
    real = folder.resolve()
    try:
        table = mounts.read_bytes().decode(errors="surrogateescape")
    except OSError:
        return real.drive.startswith("\\\\") or str(real).startswith(("/Volumes/", "/net/"))
    file_system = ""
    longest = -1
    for line in table.splitlines():
        _, point, kind, *_ = line.split(" ")
        # Blanks and the like stand in the table as octal numbers.
        point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), point)
        # Of two mounts on one point, the later one is what is seen.
        if len(point) >= longest and real.is_relative_to(point):
            longest, file_system = len(point), kind
    return _NETWORK.fullmatch(file_system) is not None
