"""Limits and places that are really as they are: mounts of a namespace, control groups, ulimits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

DOCTOR = [sys.executable, "-m", "envcheck", "doctor", "--report", "json", "--no-redact"]
PLACES = (
    *("HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE", "XDG_CACHE_HOME", "TMPDIR", "TORCH_HOME"),
    *("TRITON_CACHE_DIR", "TRITON_HOME", "TORCHINDUCTOR_CACHE_DIR", "TORCH_EXTENSIONS_DIR"),
)


def doctor(before, *words, **variables):
    """The findings that fail, by code; ``before`` is what the command is started by."""
    environment = {name: value for name, value in os.environ.items() if name not in PLACES}
    environment.pop("OMP_NUM_THREADS", None)
    done = subprocess.run(
        [*before, *DOCTOR, *words],
        capture_output=True,
        text=True,
        timeout=120,
        env={**environment, **variables},
    )
    assert done.stdout, done.stderr
    findings = json.loads(done.stdout)["findings"]
    return {finding["code"]: finding for finding in findings if finding["status"] == "fail"}


def mounted(folder, options):
    """A tmpfs with these options, in a mount namespace of its own: what a command is started by."""
    script = f'mount -t tmpfs -o {options} tmpfs "$0" && exec "$@"'
    return ["unshare", "-m", "sh", "-c", script, str(folder)]


def on(folder, options, **variables):
    return doctor(mounted(folder, options), **variables)


@pytest.mark.root
class TestMounts:
    def test_noexec_temporary_directory(self, tmp_path):
        """Scenario 32."""
        found = on(tmp_path, "noexec,size=1g", TMPDIR=str(tmp_path))
        finding = found["RES104"]
        assert finding["severity"] == "warning"
        assert "TMPDIR" in finding["subject"]
        assert f"TMPDIR is {tmp_path} (TMPDIR decides it)" in finding["detail"]

    def test_read_only_home(self, tmp_path):
        """Scenario 33: which variable decides the place is said."""
        found = on(tmp_path, "ro,size=1g", HOME=str(tmp_path))
        finding = found["RES103"]
        assert "read-only" in finding["title"]
        assert "HF_HOME" in finding["subject"]
        assert "no variable is set" in finding["detail"]
        assert "export HF_HOME=" in finding["remedy"]["commands"][0]

    def test_read_only_cache_that_a_variable_names(self, tmp_path):
        found = on(tmp_path, "ro,size=1g", XDG_CACHE_HOME=str(tmp_path))
        assert "XDG_CACHE_HOME decides it" in found["RES103"]["detail"]

    def test_small_file_system(self, tmp_path):
        """Scenario 46."""
        finding = on(tmp_path, "size=8m", HF_HOME=str(tmp_path / "hf"))["RES101"]
        assert finding["severity"] == "error"
        assert finding["subject"] == "HF_HOME"
        assert "8 MiB" in finding["title"]

    def test_inodes_used_up(self, tmp_path):
        found = on(tmp_path, "size=4g,nr_inodes=2", HF_HOME=str(tmp_path))
        assert "RES101" not in found
        assert "inodes" in found["RES102"]["detail"]
        assert found["RES102"]["subject"] == "HF_HOME"

    def test_a_place_that_the_profile_names(self, tmp_path):
        profile = tmp_path / "profile.toml"
        folder = tmp_path / "data"
        folder.mkdir()
        profile.write_text(
            f'name = "t"\n[[disk]]\npath = "{folder}"\nminimum_gib = 2\n'
            f'[[file]]\npath = "{folder}/weights"\n'
        )
        found = doctor(mounted(folder, "size=1g"), "--profile", str(profile))
        assert "1 GiB free" in found["RES202"]["title"]
        assert found["RES202"]["anchor"]["line"] == 2
        assert "does not exist" in found["RES205"]["title"]


@pytest.mark.root
def test_a_cache_that_belongs_to_somebody_else(tmp_path):
    """Root without its capability to pass over modes is as any other user."""
    other = tmp_path / "theirs"
    other.mkdir(mode=0o700)
    os.chown(other, 65534, 65534)
    bounds = "-dac_override,-dac_read_search"
    before = ["setpriv", f"--inh-caps={bounds}", f"--bounding-set={bounds}"]
    found = doctor(before, HF_HOME=str(other))
    assert found["RES103"]["subject"] == "HF_HOME"
    assert "read-only" not in found["RES103"]["title"]
    below = doctor(before, HF_HOME=str(other / "hf"))
    assert "Permission denied" in below["RES105"]["title"]


HANGING = """
import ctypes, os, sys
folder, argv = sys.argv[1], sys.argv[2:]
fd = os.open("/dev/fuse", os.O_RDWR)
os.set_inheritable(fd, True)
options = b"fd=%d,rootmode=40000,user_id=0,group_id=0" % fd
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"nobody", os.fsencode(folder), b"fuse", 0, options):
    raise OSError(ctypes.get_errno(), "mount")
os.execv(argv[0], argv)
"""


@pytest.mark.root
def test_a_mount_whose_server_is_gone(tmp_path):
    """A FUSE mount that nobody serves: whoever asks it anything hangs, as on a dead NFS server."""
    if not os.path.exists("/dev/fuse"):
        pytest.skip("only on machines with FUSE")
    folder = tmp_path / "dead"
    folder.mkdir()
    before = ["unshare", "-m", sys.executable, "-c", HANGING, str(folder)]
    found = doctor(before, HF_HOME=str(folder / "hf"))
    assert found["RES105"]["subject"] == "HF_HOME"
    assert "did not answer" in found["RES105"]["title"]
    temporary = doctor(before, TMPDIR=str(folder))
    assert "TMPDIR" in temporary["RES105"]["subject"]


def memory_group():
    """(directory for a new group, name of its limit file); None where groups cannot be made."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ")[:3]
        mount = Path(left.split(" ")[4])
        if kind == "cgroup" and "memory" in options.split(","):
            return mount, "memory.limit_in_bytes"
        control = mount / "cgroup.subtree_control"
        if kind == "cgroup2" and control.exists() and "memory" in control.read_text().split():
            return mount, "memory.max"
    return None


@pytest.mark.root
def test_a_real_control_group_on_an_ancestor():
    """Scenario 34: the limit sits on the group above the one the process is in."""
    place = memory_group()
    if place is None or not os.access(place[0], os.W_OK):
        pytest.skip("only on machines where control groups for memory can be made")
    mount, limit = place
    outer = mount / f"envcheck-test-{os.getpid()}"
    inner = outer / "inner"
    try:
        outer.mkdir()
        if limit == "memory.max":
            (outer / "cgroup.subtree_control").write_text("+memory")
        inner.mkdir()
        (outer / limit).write_text(str(3 << 30))
        script = f'echo $$ > {inner}/cgroup.procs && exec "$@"'
        found = doctor(["sh", "-c", script, "sh"])
    finally:
        for folder in (inner, outer):
            with suppress(OSError):
                folder.rmdir()
    assert "limited to 3 GiB" in found["RES001"]["title"]
    assert found["RES001"]["severity"] == "note"


def test_ulimits():
    found = doctor(["sh", "-c", 'ulimit -n 200; ulimit -v 20000000; exec "$@"', "sh"])
    assert "200 files" in found["RES005"]["title"]
    assert "RES008" in found


def test_affinity_and_thread_variables():
    """Scenario 35."""
    found = doctor(["taskset", "-c", "0"], OMP_NUM_THREADS="4", MKL_NUM_THREADS="1")
    assert found["RES003"]["subject"] == "OMP_NUM_THREADS"
    assert found["RES003"]["remedy"]["commands"] == ["export OMP_NUM_THREADS=1"]


def test_a_temporary_directory_that_is_gone():
    found = doctor([], TMPDIR="/gone/for/good")
    assert "/gone/for/good" in found["RES105"]["title"]


def test_a_working_directory_that_was_deleted(tmp_path):
    import envcheck

    folder = tmp_path / "gone"
    folder.mkdir()
    before = ["sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', str(folder)]
    found = doctor(before, PYTHONPATH=str(Path(envcheck.__file__).parents[1]))
    assert found["RES105"]["subject"] == "output"
    assert found["RES105"]["remedy"]["commands"] == ["cd"]


def test_nothing_fails_here():
    """The negative control: this machine as it is, notes aside."""
    assert {code for code, f in doctor([]).items() if f["severity"] != "note"} == set()
