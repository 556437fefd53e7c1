"""OS3xx: build tools and CUDA toolkits."""

from __future__ import annotations

import pytest

from envcheck.checks import system_packages, toolchain
from envcheck.checks.base import Context
from envcheck.model.facts import FactSheet


def tool(kind, **values):
    fields = {"name": kind, "path": f"/usr/bin/{kind}", "source": "PATH", "version": None}
    return {"tool": kind, **fields, "compiles": None, "error": None, **values}


LINUX = {
    "host.os": "linux",
    "host.distribution.id": "debian",
    "toolchain.tools": [tool("c"), tool("make")],
    "toolchain.headers": "/usr/include/python3.11/Python.h",
    "toolchain.cuda.home": None,
    "toolchain.cuda.home.exists": None,
    "toolchain.cuda.toolkits": [],
    "torch.build.cuda": None,
    "compute.asked": False,
}
SLIM = {**LINUX, "toolchain.tools": [], "toolchain.headers": None}


def one(findings):
    (finding,) = findings
    assert finding.status != "crash", finding.detail
    return finding


@pytest.mark.parametrize("code", ["OS301", "OS302", "OS303", "OS304"])
def test_without_a_profile_nothing_fails(judged, code):
    assert one(judged(code, LINUX)).status in ("pass", "skip")
    assert one(judged(code, SLIM)).status in ("pass", "skip")


@pytest.mark.parametrize(
    ("distribution", "command"),
    [
        ("debian", "apt-get install -y build-essential"),
        ("ubuntu", "apt-get install -y build-essential"),
        ("alpine", "apk add build-base"),
        ("fedora", "dnf install -y gcc-c++"),
        ("rocky", "dnf install -y gcc-c++"),
        ("arch", "pacman -S --noconfirm base-devel"),
    ],
)
def test_a_missing_compiler(judged, distribution, command):
    facts = {**SLIM, "host.distribution.id": distribution}
    finding = one(judged("OS301", facts, profile='[[compiler]]\ntool = "c++"\n'))
    assert (finding.status, finding.severity, finding.required) == ("fail", "error", True)
    assert finding.remedy.commands[-1] == command
    assert finding.anchor is not None


def test_in_an_image_it_is_a_line_of_the_dockerfile(judged):
    finding = one(
        judged("OS301", SLIM, profile='[[compiler]]\ntool = "c"\n', target={"kind": "image"})
    )
    assert finding.remedy.commands == ("RUN apt-get update && apt-get install -y build-essential",)


@pytest.mark.parametrize("system", ["darwin", "windows", "plan9"])
@pytest.mark.parametrize("name", ["c", "c++", "fortran", "ninja", "python-headers"])
def test_elsewhere_there_is_some_advice(system, name):
    sheet = FactSheet({"facts": {"host.os": {"status": "known", "value": system}}})
    assert system_packages.install(Context(sheet), name).text


@pytest.mark.parametrize(
    ("version", "status"),
    [("12.2.0", "pass"), ("9.3.0", "fail"), (None, "unknown"), ("banana", "unknown")],
)
def test_versions(judged, version, status):
    facts = {**LINUX, "toolchain.tools": [tool("c++", version=version)]}
    profile = '[[compiler]]\ntool = "c++"\nrequires = ">=9.4"\nseverity = "warning"\n'
    finding = one(judged("OS301", facts, profile=profile))
    assert (finding.status, finding.severity) == (status, "warning")


def test_a_version_of_what_is_not_there_is_told_once(judged):
    profile = '[[compiler]]\ntool = "c"\n[[compiler]]\nid = "v"\ntool = "c"\nrequires = ">=9"\n'
    assert [finding.status for finding in judged("OS301", SLIM, profile=profile)] == [
        "fail",
        "skip",
    ]


def test_a_system_that_is_not_known(judged):
    facts = {**SLIM, "host.distribution.id": None}
    finding = one(judged("OS301", facts, profile='[[compiler]]\ntool = "c"\n'))
    assert finding.remedy.commands == ()
    assert "apk add build-base" in finding.remedy.text


def test_headers(judged):
    profile = '[[compiler]]\ntool = "python-headers"\n'
    assert one(judged("OS301", LINUX, profile=profile)).status == "pass"
    finding = one(judged("OS301", SLIM, profile=profile))
    assert finding.status == "fail"
    assert "python3-dev" in finding.remedy.commands[-1]


def test_facts_that_are_not_known_leave_the_requirement_open(judged):
    findings = judged("OS301", {}, profile='[[compiler]]\ntool = "c"\n')
    assert {finding.status for finding in findings} == {"unknown"}


def test_a_variable_that_names_nothing(judged):
    gone = tool("c", name="gcc-99", path=None, source="CC", error="gcc-99 is not there")
    finding = one(judged("OS302", {**LINUX, "toolchain.tools": [gone]}))
    assert (finding.status, finding.severity) == ("fail", "warning")
    assert "CC" in finding.title
    assert finding.remedy.commands == ("unset CC",)
    image = judged("OS302", {**LINUX, "toolchain.tools": [gone]}, target={"kind": "image"})
    assert "ENV" in one(image).remedy.text


def test_a_compiler_that_does_not_compile(judged):
    broken = tool("c", compiles=False, error="stdio.h: No such file or directory")
    facts = {**LINUX, "toolchain.tools": [broken], "compute.asked": True}
    finding = one(judged("OS303", facts))
    assert finding.status == "fail"
    assert "stdio.h" in finding.detail
    assert one(judged("OS303", {**facts, "compute.asked": False})).status == "skip"


CUDA = {
    **LINUX,
    "torch.build.cuda": "12.8",
    "toolchain.cuda.toolkits": [
        {"path": "/usr/local/cuda-13.0", "version": "13.0", "nvcc": "/x/nvcc", "source": "PATH"}
    ],
}


def test_another_toolkit_matters_only_where_extensions_are_built(judged):
    assert one(judged("OS304", CUDA)).status == "skip"  # scenario 49
    finding = one(judged("OS304", CUDA, wants=frozenset(["extensions"])))
    assert (finding.status, finding.severity) == ("fail", "error")
    assert one(judged("OS304", CUDA, profile='[[compiler]]\ntool = "nvcc"\n')).status == "fail"


def test_the_minor_version_does_not_matter(judged):
    facts = {**CUDA, "torch.build.cuda": "13.2"}
    assert one(judged("OS304", facts, wants=frozenset(["extensions"]))).status == "pass"


def test_a_fitting_toolkit_that_is_not_chosen_is_named(judged):
    other = {"path": "/opt/cuda 12", "version": "12.4", "nvcc": "/y/nvcc", "source": "/opt"}
    facts = {**CUDA, "toolchain.cuda.toolkits": [*CUDA["toolchain.cuda.toolkits"], other]}
    finding = one(judged("OS304", facts, wants=frozenset(["extensions"])))
    assert finding.remedy.commands == ("export CUDA_HOME='/opt/cuda 12'",)


def test_cuda_home_that_is_gone(judged):
    facts = {**CUDA, "toolchain.cuda.home": "/gone", "toolchain.cuda.home.exists": False}
    assert "/gone" in one(judged("OS304", facts, wants=frozenset(["extensions"]))).title
    assert one(judged("OS304", facts)).status == "skip"


def test_every_tool_of_a_profile_has_a_package():
    assert toolchain._PROGRAMS.keys() <= {"c", "c++", "fortran", "rust"}
