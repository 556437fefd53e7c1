"""Build tools: found, chosen by variables, asked for versions, tried."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from envcheck.agent.probes import toolchain, toolchain_versions
from envcheck.agent.protocol import Facts, Request

VARIABLES = ("CC", "CXX", "FC", "RUSTC", "MAKE", "PKG_CONFIG", "CUDACXX")


@pytest.fixture
def programs(monkeypatch, tmp_path):
    """``programs(gcc="script")``: PATH has these shell scripts and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in (*VARIABLES, "CUDA_HOME", "CUDA_PATH", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(folder))

    def write(**scripts):
        for name, script in scripts.items():
            file = folder / name.replace("xx", "++").replace("_", "-")
            file.write_text("#!/bin/sh\n" + script + "\n")
            file.chmod(0o755)
        return folder

    return write


def collected(**named):
    request, facts = Request(), Facts()
    for name, value in named.items():
        setattr(request, name, value)
    toolchain.collect(facts, request)
    return facts


def tool(facts, name):
    return next((item for item in facts.value("tools") if item["tool"] == name), None)


def test_nothing_is_there(programs):
    programs()
    assert collected().value("tools") == []


def test_paths_only_by_default(programs, tmp_path):
    witness = tmp_path / "started"
    folder = programs(gcc=f"touch {witness}", cmake="exit 1", pkg_config="")
    facts = collected()
    assert tool(facts, "c")["path"] == str(folder / "gcc")
    assert tool(facts, "cmake")["version"] is None
    assert tool(facts, "pkg-config") is not None
    assert tool(facts, "rust") is None
    assert not witness.exists()


@pytest.mark.parametrize("value", ["clang -m64", "ccache clang"])
def test_variables_choose(programs, monkeypatch, value):
    folder = programs(gcc="", clang="", ccache="")
    monkeypatch.setenv("CC", value)
    found = tool(collected(), "c")
    assert (found["path"], found["source"]) == (str(folder / "clang"), "CC")


def test_a_variable_that_names_nothing(programs, monkeypatch):
    programs(gcc="")
    monkeypatch.setenv("CC", "gcc-99")
    found = tool(collected(), "c")
    assert found["path"] is None
    assert "gcc-99" in found["error"]


def test_a_directory_or_a_plain_file_is_no_program(programs):
    folder = programs()
    (folder / "gcc").mkdir()
    (folder / "cmake").write_text("")
    assert collected().value("tools") == []


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("gcc (Debian 12.2.0-14+deb12u1) 12.2.0\nCopyright (C) 2022", "12.2.0"),
        ("Apple clang version 15.0.0 (clang-1500.3.9.4)", "15.0.0"),
        ("clang version 17.0.6 (Fedora 17.0.6-2.fc39)", "17.0.6"),
        ("rustc 1.95.0 (59807616e 2026-04-14)", "1.95.0"),
        ("GNU Make 4.3\nBuilt for x86_64-pc-linux-gnu", "4.3"),
        ("cmake version 3.25.1", "3.25.1"),
        ("1.11.1.git.kitware.jobserver-1", "1.11.1"),
        (
            "nvcc: NVIDIA (R) Cuda compiler driver\nBuilt on Wed_Aug_20_01:58:59_PM_PDT_2025\n"
            "Cuda compilation tools, release 13.0, V13.0.88",
            "13.0",
        ),
        ("icx (ICX) 2024.0.0", "2024.0.0"),
        ("no numbers here", None),
        ("", None),
        ("\x1b[31m\xff" * 5000, None),
    ],
)
def test_versions(text, version):
    assert toolchain_versions.version(text) == version


def test_tools_that_hang_crash_or_babble(programs, monkeypatch):
    monkeypatch.setattr(toolchain_versions, "DEADLINE", 0.5)
    programs(
        gcc="exec /bin/sleep 60",
        cxx="kill -SEGV $$",
        cmake="exit 3",
        ninja="echo nothing",
        make="echo GNU Make 4.3",
    )
    facts = collected(versions=True)
    assert "did not answer" in tool(facts, "c")["error"]
    assert "SIGSEGV" in tool(facts, "c++")["error"]
    assert "status 3" in tool(facts, "cmake")["error"]
    assert "did not name a version" in tool(facts, "ninja")["error"]
    assert (tool(facts, "make")["version"], tool(facts, "make")["error"]) == ("4.3", None)
    assert tool(facts, "c")["compiles"] is None


def test_a_compiler_that_does_not_compile(programs):
    programs(
        gcc='case $1 in --version) echo gcc 12.2.0;; *) echo "$1:1:10: fatal error: stdio.h: '
        'No such file or directory" >&2; exit 1;; esac',
    )
    found = tool(collected(deep=True), "c")
    assert (found["version"], found["compiles"]) == ("12.2.0", False)
    assert found["error"] == "stdio.h: No such file or directory"


def test_a_compiler_that_compiles(programs, tmp_path):
    folder = programs(gcc='[ "$2" = -o ] && : > "$3"; echo gcc 12.2.0')
    assert tool(collected(deep=True), "c")["compiles"] is True
    assert os.listdir(folder) == ["gcc"]


def test_headers_of_this_interpreter():
    path = collected().value("headers")
    assert path is None or Path(path).name == "Python.h"
    unknown = collected(prefix="/elsewhere").entries["headers"]
    assert unknown["status"] == "unknown"


def toolkit(root, version, nvcc=True):
    (root / "bin").mkdir(parents=True)
    if nvcc:
        (root / "bin" / "nvcc").write_text("#!/bin/sh\n")
        (root / "bin" / "nvcc").chmod(0o755)
    (root / "version.json").write_text(json.dumps({"cuda": {"version": version}}))
    return root


def test_toolkits(programs, monkeypatch, tmp_path):
    programs()
    home = toolkit(tmp_path / "cuda-12.4", "12.4.1")
    prefix = toolkit(tmp_path / "conda", "12.9")
    monkeypatch.setenv("CUDA_HOME", str(home))
    monkeypatch.setenv("CONDA_PREFIX", str(prefix))
    facts = collected()
    found = {item["path"]: item for item in facts.value("cuda.toolkits")}
    assert facts.value("cuda.toolkits")[0]["path"] == str(home)
    assert (found[str(home)]["version"], found[str(home)]["source"]) == ("12.4.1", "CUDA_HOME")
    assert found[str(prefix)]["version"] == "12.9"
    assert facts.value("cuda.home.exists") is True


def test_a_wrapper_of_nvcc_leads_to_its_toolkit(programs, tmp_path):
    home = toolkit(tmp_path / "cuda-13.0", "13.0.2")
    folder = programs(nvcc=f'exec {home}/bin/nvcc "$@"')
    paths = [item["path"] for item in collected().value("cuda.toolkits")]
    assert paths[0] == str(home)
    assert str(folder.parent) not in paths


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"version.txt": "CUDA Version 11.0.228\n"}, "11.0.228"),
        ({"include/cuda.h": "/* x */\n#define CUDA_VERSION 12080\n"}, "12.8"),
        ({"version.json": "{broken", "version.txt": "CUDA Version 10.2.89"}, "10.2.89"),
        ({"version.json": '{"cuda": 5}'}, None),
        ({}, None),
    ],
)
def test_versions_of_toolkits(tmp_path, files, version):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert toolchain._toolkit_version(str(tmp_path)) == version


def test_wheels_with_nvcc(programs, monkeypatch, tmp_path):
    programs()
    root = tmp_path / "site-packages" / "nvidia" / "cu13"
    toolkit(root, "13.0.1")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site-packages")])
    assert str(root) in [item["path"] for item in collected().value("cuda.toolkits")]


def test_cuda_home_that_is_gone(programs, monkeypatch):
    programs()
    monkeypatch.setenv("CUDA_HOME", "/gone")
    facts = collected()
    assert facts.value("cuda.home") == "/gone"
    assert facts.value("cuda.home.exists") is False
