"""Mounts with a server behind them, out of mountinfo."""

from __future__ import annotations

from envcheck.agent import mounts

MOUNTINFO = r"""22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 0:50 / /home rw shared:1 - nfs4 server:/home rw,vers=4.2
31 22 0:51 / /home/data\040sets rw - fuse.sshfs a:/b rw
32 22 0:52 / /run rw - tmpfs tmpfs rw
33 22 0:53 / /fused rw - fusectl x rw
odd - nfs
"""


def test_which_are_remote(tree):
    root = tree({"/proc/self/mountinfo": MOUNTINFO})
    assert mounts.remote_mounts(root) == ["/home/data sets", "/home"]
    assert mounts.remote_mounts(root + "/none") == []


def test_which_mount_a_path_is_on():
    known = ["/home/data sets", "/home"]
    assert mounts.mount_of("/home/u/.cache", known) == "/home"
    assert mounts.mount_of("/home/data sets/x", known) == "/home/data sets"
    assert mounts.mount_of("/homes/u", known) is None
    assert mounts.mount_of("/", known) is None
    assert mounts.mount_of("/anything", ["/"]) == "/"
