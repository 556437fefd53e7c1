"""Mounts with a server behind them. While the server is gone, whoever asks them anything hangs."""

import os

from .protocol import read_text

#: file systems of the network and of user space, as the kernel names them
REMOTE = (
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "lustre", "gpfs", "beegfs", "afs", "9p"),
    *("panfs", "wekafs", "autofs", "fuse", "fuseblk", "glusterfs"),
)


def remote_mounts(root="/"):
    """Mount points of such file systems, the longest first."""
    text = read_text(os.path.join(root, "proc/self/mountinfo"), 1 << 22) or ""
    found = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        kind = right.partition(" ")[0]
        if kind in REMOTE or kind.startswith("fuse."):
            fields = left.split(" ")
            if len(fields) > 4:
                found.append(unescape(fields[4]))
    return sorted(found, key=len, reverse=True)


def mount_of(path, mounts):
    """The one of ``mounts`` that ``path`` lies on by name, None if it is on none of them."""
    for mount in mounts:
        if path == mount or path.startswith(mount.rstrip("/") + "/"):
            return mount
    return None


def unescape(text):
    """Undo what mountinfo does to space, tab, newline and backslash: octal numbers."""
    if "\\" not in text:
        return text
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
