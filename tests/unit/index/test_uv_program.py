"""The uv that cells install with, from an index of the test's."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from gateway_client import eventually
from index_faults import altered, status
from index_server import IndexServer
from wheels import wheel

from envcheck.errors import IndexTrouble
from envcheck.index.uv_program import WANTED, this_system, uv_program, version_of

TAGS = {
    "musllinux_1_1_x86_64": ("linux", "x86_64"),
    "musllinux_1_1_aarch64": ("linux", "aarch64"),
    "musllinux_1_1_armv7l": ("linux", "armv7l"),
    "macosx_11_0_arm64": ("darwin", "arm64"),
    "win_amd64": ("windows", "AMD64"),
}


def uv(version: str, platform: str, **more):
    """A wheel of uv whose program says for what it is."""
    name = "uv.exe" if platform.startswith("win") else "uv"
    program = f"#!/bin/sh\necho uv {version} {platform}\n"
    return wheel(
        "uv", version, files={f"uv-{version}.data/scripts/{name}": program},
        tag=f"py3-none-{platform}", **more,
    )  # fmt: skip


WHEELS = [
    *(uv("0.12.0", platform) for platform in (*TAGS, "manylinux_2_17_x86_64")),
    uv("0.11.0", "musllinux_1_1_x86_64"),
    uv("0.12.9", "musllinux_1_1_x86_64", yanked="bad"),
    uv("0.12.10rc1", "musllinux_1_1_x86_64"),
    uv("0.12.3", "win_arm64"),
    uv("99.0", "musllinux_1_1_x86_64"),
]


@pytest.mark.parametrize("platform", TAGS)
def test_for_each_system(gateway, tmp_path, platform):
    system, machine = TAGS[platform]
    with IndexServer(*WHEELS) as index:
        made = gateway(index.url)
        path = uv_program(system, machine, cache=str(tmp_path), gateway=made)
        assert platform in Path(path).read_text()
        assert version_of(path) == "0.12.0"
        assert os.access(path, os.X_OK)


def test_it_is_kept(gateway, tmp_path):
    with IndexServer(*WHEELS) as index:
        made = gateway(index.url)
        path = uv_program("", "x86_64", cache=str(tmp_path), gateway=made)
        index.forget()
        for _ in range(2):
            again = gateway(index.url)
            assert uv_program(this_system(), "", cache=str(tmp_path), gateway=again) == path
        assert index.count() == 0
        week = time.time() - 8 * 86_400
        os.utime(path, (week, week))
        index.add(uv("0.12.11", "musllinux_1_1_x86_64"))
        for page in (tmp_path / "cache" / "pages").iterdir():
            page.unlink()
        newer = uv_program("linux", "x86_64", cache=str(tmp_path), gateway=gateway(index.url))
        assert version_of(newer) == "0.12.11"


def test_an_index_that_is_away_does_no_harm_once_there_is_one(gateway, tmp_path):
    with IndexServer(*WHEELS) as index:
        path = uv_program("linux", "x86_64", cache=str(tmp_path), gateway=gateway(index.url))
    os.utime(path, (1, 1))
    away = gateway("http://127.0.0.1:9/simple", cache=tmp_path / "other")
    assert uv_program("linux", "x86_64", cache=str(tmp_path), gateway=away) == path


def test_one_that_was_changed_is_not_used(gateway, tmp_path):
    with IndexServer(*WHEELS) as index:
        path = uv_program("linux", "x86_64", cache=str(tmp_path), gateway=gateway(index.url))
        Path(path).write_text("#!/bin/sh\necho hostile\n")
        again = uv_program("linux", "x86_64", cache=str(tmp_path), gateway=gateway(index.url))
        assert "hostile" not in Path(again).read_text()


def test_there_is_none(gateway, tmp_path):
    with IndexServer(*WHEELS) as index:
        made = gateway(index.url)
        with pytest.raises(IndexTrouble, match=r"no uv .* for linux on riscv64") as raised:
            uv_program("linux", "riscv64", cache=str(tmp_path), gateway=made)
        assert raised.value.kind == "absent"
        assert str(WANTED) in raised.value.message


@pytest.mark.parametrize(("fault", "kind"), [(altered(), "hash"), (status(500), "trouble")])
def test_it_is_not_what_it_should_be(gateway, tmp_path, fault, kind):
    with IndexServer(*WHEELS) as index:
        index.fault("/files/*", fault)
        with pytest.raises(IndexTrouble) as raised:
            uv_program("linux", "x86_64", cache=str(tmp_path), gateway=gateway(index.url))
        assert raised.value.kind == kind
        assert eventually(lambda: index.count("/files/*") >= 1)
    assert not list(tmp_path.glob("programs/*/uv"))
