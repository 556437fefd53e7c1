"""Control groups of both versions, as the kernel shows them on a host and in containers."""

from __future__ import annotations

import pytest

from envcheck.agent import cgroups

GIB = 1 << 30
V2_MOUNT = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNTS = (
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
    "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
)
V1_NONE = "9223372036854771712\n"


def v2(tree, path, files):
    files = {f"/sys/fs/cgroup/{name}": text for name, text in files.items()}
    return tree({"/proc/self/cgroup": f"0::{path}\n", "/proc/self/mountinfo": V2_MOUNT, **files})


def v1(tree, path, files, mounts=V1_MOUNTS):
    own = f"12:pids:{path}\n5:cpu,cpuacct:{path}\n4:memory:{path}\n1:name=systemd:{path}\n0::/\n"
    files = {f"/sys/fs/cgroup/{name}": text for name, text in files.items()}
    return tree({"/proc/self/cgroup": own, "/proc/self/mountinfo": mounts, **files})


def test_version_2_takes_the_least_of_all_ancestors(tree):
    root = v2(
        tree,
        "/user.slice/job",
        {
            "user.slice/job/memory.max": "max\n",
            "user.slice/memory.max": f"{3 * GIB}\n",
        },
    )
    limit, source = cgroups.memory_limit(root)
    assert limit == 3 * GIB
    assert source.endswith("user.slice/memory.max")


def test_version_2_without_limit(tree):
    assert cgroups.memory_limit(v2(tree, "/a", {"a/memory.max": "max\n"})) == (None, "")


def test_version_1_own_limit(tree):
    root = v1(tree, "/a/b", {"memory/a/b/memory.limit_in_bytes": f"{3 * GIB}\n"})
    assert cgroups.memory_limit(root)[0] == 3 * GIB


@pytest.mark.parametrize("text", [V1_NONE, "9223372036854775807\n", "9223372036854710272\n"])
def test_version_1_writes_none_as_a_huge_number(tree, text):
    files = {"memory/a/memory.limit_in_bytes": text}
    assert cgroups.memory_limit(v1(tree, "/a", files)) == (None, "")


def test_version_1_in_a_container_sees_hidden_ancestors_in_the_statistics(tree):
    """Docker without a control group namespace mounts the group itself as the root."""
    mount = "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
    root = v1(
        tree,
        "/docker/abc",
        {
            "memory/memory.limit_in_bytes": V1_NONE,
            "memory/memory.stat": f"cache 1\nhierarchical_memory_limit {2 * GIB}\n",
        },
        mount,
    )
    assert cgroups.memory_limit(root)[0] == 2 * GIB


def test_a_path_outside_the_namespace_is_the_mount(tree):
    root = v2(tree, "/../other", {"memory.max": f"{GIB}\n"})
    assert cgroups.memory_limit(root)[0] == GIB


def test_hybrid_machines_have_memory_in_version_1(tree):
    root = v1(
        tree,
        "/a",
        {"memory/a/memory.limit_in_bytes": f"{GIB}\n", "unified/memory.max": "max"},
        V1_MOUNTS + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
    )
    assert cgroups.memory_limit(root)[0] == GIB


@pytest.mark.parametrize(
    ("text", "quota"), [("50000 100000\n", 0.5), ("max 100000\n", None), ("250000 100000\n", 2.5)]
)
def test_processor_quota_of_version_2(tree, text, quota):
    assert cgroups.cpu_quota(v2(tree, "/a", {"a/cpu.max": text}))[0] == quota


def test_processor_quota_of_version_1_is_the_least(tree):
    folder = "cpu,cpuacct"
    files = {
        f"{folder}/a/b/cpu.cfs_quota_us": "-1\n",
        f"{folder}/a/b/cpu.cfs_period_us": "100000\n",
        f"{folder}/a/cpu.cfs_quota_us": "150000\n",
        f"{folder}/a/cpu.cfs_period_us": "100000\n",
    }
    assert cgroups.cpu_quota(v1(tree, "/a/b", files))[0] == 1.5


def test_process_limit(tree):
    assert cgroups.process_limit(v2(tree, "/a", {"a/pids.max": "100\n"}))[0] == 100


def test_available_memory_does_not_count_page_cache_as_used(tree):
    files = {
        "a/memory.max": f"{4 * GIB}\n",
        "a/memory.current": f"{3 * GIB}\n",
        "a/memory.stat": f"anon 5\ninactive_file {2 * GIB}\n",
    }
    assert cgroups.memory_available(v2(tree, "/a", files)) == 3 * GIB


def test_mount_points_with_spaces(tree):
    mount = "30 23 0:26 / /sys/fs/my\\040groups rw - cgroup2 cgroup2 rw\n"
    root = tree(
        {
            "/proc/self/cgroup": "0::/a\n",
            "/proc/self/mountinfo": mount,
            "/sys/fs/my groups/a/memory.max": "4096\n",
        }
    )
    assert cgroups.memory_limit(root)[0] == 4096


@pytest.mark.parametrize("text", ["", "garbage\n", "0\n", ":::\n", "0::/a\nmemory"])
def test_odd_files_say_nothing(tree, text):
    root = tree({"/proc/self/cgroup": text, "/proc/self/mountinfo": "1 2 3\n - cgroup\n- cgroup2"})
    assert cgroups.memory_limit(root) == (None, "")
    assert cgroups.cpu_quota(root) == (None, "")


def test_a_machine_without_proc(tmp_path):
    assert cgroups.memory_limit(str(tmp_path)) == (None, "")
