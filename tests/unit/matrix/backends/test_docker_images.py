"""Recipes of images: which Dockerfile, which base, what it is called. No engine is asked."""

from __future__ import annotations

import pytest

from envcheck.errors import TargetError
from envcheck.matrix.backends import docker_images
from envcheck.matrix.backends.docker_container import (
    Make,
    control_groups,
    options,
    scratch_size,
)
from envcheck.matrix.shipped import shipped
from envcheck.model.matrix import Cell, Index, Limits, Steps, Subject


def cell(system="slim", python="3.12", architecture="x86_64"):
    axes = {"python": python, "os": system, "architecture": architecture, "installer": "uv"}
    return Cell(id="x", axes=axes, test=Subject(), index=Index(), steps=Steps(), limits=Limits())


def recipe(one, images=None, folder=""):
    return docker_images.recipe(one, images or {}, str(folder), "x86_64")


@pytest.mark.parametrize("system", ["alpine", "slim", "alpine-cc", "slim-cc"])
def test_shipped_dockerfiles_start_from_the_official_images(system):
    found = recipe(cell(system))
    assert found.bases == (f"python:3.12-{system.removesuffix('-cc')}",)
    assert found.arguments == (("PYTHON", "3.12"),)
    assert found.path.endswith(f"dockerfiles/{system}.Dockerfile")
    assert found.network == system.endswith("-cc")
    assert found.platform is None


def test_an_image_with_a_compiler_needs_none_to_be_installed():
    images = {"slim-cc": "own/cc:{python}", "slim": "own/slim:{python}"}
    found = recipe(cell("slim-cc"), images)
    assert found.path.endswith("/slim.Dockerfile")
    assert found.bases == ("own/cc:3.12",)
    assert not found.network
    del images["slim-cc"]
    found = recipe(cell("slim-cc"), images)
    assert found.path.endswith("/slim-cc.Dockerfile")
    assert found.bases == ("own/slim:3.12",)


def test_an_image_needs_no_dockerfile_of_its_own():
    found = recipe(cell("wolfi"), {"wolfi": "own/wolfi"})
    assert (found.os, found.bases) == ("wolfi", ("own/wolfi",))
    with pytest.raises(TargetError, match=r"no dockerfiles/wolfi\.Dockerfile"):
        recipe(cell("wolfi"))


def test_the_users_dockerfiles_come_first(tmp_path):
    (tmp_path / "dockerfiles").mkdir()
    file = tmp_path / "dockerfiles" / "slim.Dockerfile"
    file.write_text(
        "# syntax\n"
        'arg WHO="me"\n'
        "ARG BASE_IMAGE=own/${WHO}-$PYTHON:${TAG:-one}\n"
        "ARG PYTHON\n"
        "FROM --platform=linux/amd64 ${BASE_IMAGE} AS first\n"
        "from scratch\n"
        "FROM other:2\n"
        "COPY --from=first / /\n"
        "FROM first\n"
    )
    found = recipe(cell(), folder=tmp_path)
    assert found.path == str(file)
    assert found.bases == ("own/me-3.12:one", "other:2")
    assert found.network
    assert recipe(cell(), {"slim": "a"}, tmp_path).bases == ("a", "other:2")
    file.write_text("FROM fixed\n")
    assert recipe(cell(), folder=tmp_path).arguments == ()
    with pytest.raises(TargetError, match="cannot start from a"):
        recipe(cell(), {"slim": "a"}, tmp_path)


def test_a_name_is_of_the_content():
    one = recipe(cell())
    tags = {
        one.tag(["sha256:1"]),
        one.tag(["sha256:2"]),
        one._replace(text=one.text + "\n").tag(["sha256:1"]),
        recipe(cell(python="3.13")).tag(["sha256:1"]),
        recipe(cell(architecture="aarch64")).tag(["sha256:1"]),
    }
    assert len(tags) == 5
    assert one.tag(["sha256:1"]) == recipe(cell()).tag(["sha256:1"])
    assert one.tag([]).startswith("envcheck-cell:slim-")


def test_another_processor_is_said_to_the_engine():
    assert recipe(cell(architecture="aarch64")).platform == "linux/arm64"
    assert recipe(cell(architecture="armv7l")).platform == "linux/arm/v7"


ID = "f00d" * 16


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        (
            f"4:memory:/docker/{ID}\n2:cpu,cpuacct:/docker/{ID}\n0::/system.slice/x\n",
            {"memory": f"memory/docker/{ID}"},
        ),
        (
            f"0::/system.slice/docker-{ID}.scope\n",
            {"": f"system.slice/docker-{ID}.scope"},
        ),
        ("4:memory:/user.slice\n0::/init.scope\n", {}),  # another machine's process
    ],
)
def test_control_groups_are_found_by_the_containers_name(tmp_path, text, groups):
    (tmp_path / "proc/7").mkdir(parents=True)
    (tmp_path / "proc/7/cgroup").write_text(text)
    for folder in groups.values():
        (tmp_path / "sys/fs/cgroup" / folder).mkdir(parents=True)
    root = f"{tmp_path}/"
    wanted = {name: f"{root}sys/fs/cgroup/{folder}" for name, folder in groups.items()}
    found = control_groups(7, ID, root)
    assert {name: path.replace("//", "/") for name, path in found.items()} == wanted


def test_a_container_is_told_every_restriction(tmp_path):
    limits = Limits(memory="1G", scratch="256M", cpus=8, processes=99)
    env = ("PATH=/bin", "PIP_INDEX_URL=http://x", "UV_OFFLINE=1", "http_proxy=http://p", "A=1")
    make = Make(
        "id", env, None, "name", {"envcheck": "1"}, "volume", str(tmp_path), "/place", "m", limits
    )
    told = options(make, {"NCPU": 2})
    host = told["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (1 << 30, 1 << 30, 99)
    assert host["NanoCpus"] == 2 * 10**9
    assert [mount.get("ReadOnly", False) for mount in host["Mounts"]] == [True, False]
    assert {"Privileged", "DeviceRequests", "Devices", "Binds", "CapAdd"}.isdisjoint(host)
    assert told["User"] == "10001:10001"
    assert told["Env"][2:] == ["PIP_INDEX_URL", "UV_OFFLINE", "http_proxy"]
    assert told["Labels"] == {"envcheck": "1"}


def test_scratch_space_leaves_memory_for_processes():
    assert scratch_size(Limits(memory="1G", scratch="100M")) == 100 << 20
    assert scratch_size(Limits(memory="1G", scratch="1G")) == 256 << 20


def test_the_dockerfiles_say_who_is_who():
    import pathlib

    for file in pathlib.Path(shipped("dockerfiles")).glob("*.Dockerfile"):
        text = file.read_text()
        assert "chown 10001:10001 /envcheck/store" in text
        assert ":10002:10002:" in text
        assert len(text.splitlines()) < 40
