"""Wheel tags where this machine has none of the kind; the rest is compared in integration tests."""

from __future__ import annotations

from packaging import tags as reference

from envcheck.agent import tags


def test_glibc_217_has_manylinux2014_and_no_newer():
    found = tags.linux_platforms("x86_64", 64, "glibc", (2, 17))
    assert found[:3] == ["linux_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"]
    assert "manylinux_2_28_x86_64" not in found
    assert found[-1] == "manylinux1_x86_64"


def test_arm_begins_at_217():
    found = tags.linux_platforms("aarch64", 64, "glibc", (2, 28))
    assert found[-1] == "manylinux2014_aarch64"


def test_a_veto_removes_what_it_names():
    found = tags.linux_platforms(
        "x86_64", 64, "glibc", (2, 36), lambda major, minor, arch: minor < 28
    )
    assert "manylinux_2_28_x86_64" not in found
    assert "manylinux_2_27_x86_64" in found
    nothing = tags.linux_platforms("x86_64", 64, "glibc", (2, 36), lambda *_: False)
    assert nothing == ["linux_x86_64"]


def test_musl():
    found = tags.linux_platforms("x86_64", 64, "musl", (1, 2))
    assert found == ["linux_x86_64"] + [f"musllinux_1_{n}_x86_64" for n in (2, 1, 0)]


def test_unknown_c_library_has_only_the_local_tag():
    assert tags.linux_platforms("riscv64", 64, None, None) == ["linux_riscv64"]


def test_macos_as_packaging_says():
    for version, arch in [
        ((26, 1), "arm64"),
        ((14, 2), "arm64"),
        ((11, 0), "x86_64"),
        ((13, 6), "x86_64"),
        ((10, 15), "x86_64"),
    ]:
        assert tags.macos_platforms(version, arch) == list(reference.mac_platforms(version, arch))


def expand(pairs, platforms):
    found = []
    for pair in pairs:
        found += [pair] if pair.endswith("-any") else [f"{pair}-{name}" for name in platforms]
    return found


def test_free_threaded_and_debug_pairs():
    platforms = ["linux_x86_64"]
    for abi, flags in [("cp313t", "t"), ("cp314", "")]:
        version = (3, int(abi.strip("t")[3:]))
        own = tags.interpreter_tags("cpython", version, flags)
        expected = [
            *reference.cpython_tags(version, [abi], platforms),
            *reference.compatible_tags(version, f"cp3{version[1]}", platforms),
        ]
        assert expand(own, platforms) == [str(tag) for tag in expected]
    assert tags.interpreter_tags("cpython", (3, 12), "d")[:2] == ["cp312-cp312d", "cp312-cp312"]


def test_pypy_pairs():
    suffix = ".pypy310-pp73-x86_64-linux-gnu.so"
    own = tags.interpreter_tags("pypy", (3, 10), "", suffix)
    platforms = ["linux_x86_64"]
    expected = [
        *reference.generic_tags("pp310", ["pypy310_pp73"], platforms),
        *reference.compatible_tags((3, 10), "pp3", platforms),
    ]
    assert expand(own, platforms) == [str(tag) for tag in expected]


def test_soabi_of_suffixes():
    assert tags.soabi(".cpython-311-x86_64-linux-gnu.so") == "cpython-311-x86_64-linux-gnu"
    assert tags.soabi(".cp313t-win_amd64.pyd") == "cp313t-win_amd64"
    assert tags.soabi(".pyd") is None
