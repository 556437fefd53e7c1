"""Becomes somebody else, or reaches into the kernel."""

import ctypes
import glob
import os
import stat

from bait import attempt, contents, managed, only_in_a_cell, tried

only_in_a_cell()

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


if os.getuid() == 0:
    managed("it is root")
for user in (0, 1, 10001):
    attempt(f"setuid {user}", os.setuid, user)
    attempt(f"setgid {user}", os.setgid, user)
attempt("setgroups", os.setgroups, [0])
attempt("chroot", os.chroot, "/tmp")
attempt("mount", call, "mount", b"none", b"/tmp", b"tmpfs", 0, b"")
attempt("remount", call, "mount", b"none", b"/", b"", 32, b"")
attempt("unshare a user namespace", call, "unshare", 0x10000000)
attempt("unshare mounts", call, "unshare", 0x00020000)
attempt("mknod", os.mknod, "/tmp/device", stat.S_IFBLK | 0o666, os.makedev(8, 0))
attempt("ptrace of 1", call, "ptrace", 16, 1, 0, 0)
attempt("opened the memory of 1", open, "/proc/1/mem", "rb")
attempt("sethostname", call, "sethostname", b"hostile", 7)
for path in (
    "/proc/sysrq-trigger",
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/vm/drop_caches",
    "/sys/kernel/uevent_helper",
):
    attempt("opened " + path, open, path, "w")
for path in glob.glob("/sys/fs/cgroup/*/release_agent") + glob.glob("/sys/fs/cgroup/**/*.max"):
    attempt("opened " + path, open, path, "w")
for path in ("/dev/mem", "/dev/kmem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/fuse", "/dev/kvm"):
    attempt("opened " + path, open, path, "rb")
for name in ("mnt", "net", "pid"):
    descriptor = attempt("", os.open, "/proc/1/ns/" + name, os.O_RDONLY)
    if descriptor is not None:
        attempt("setns " + name, call, "setns", descriptor, 0)
status = contents("/proc/self/status").decode()
fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
if int(fields["CapEff"], 16) or int(fields["CapBnd"], 16):
    managed("capabilities {} {}".format(fields["CapEff"], fields["CapBnd"]))
if fields.get("NoNewPrivs") != "1":
    managed("may gain privileges")
tried()
