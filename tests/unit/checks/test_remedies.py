"""Commands that are right for the target."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envcheck.checks import remedies
from envcheck.checks.base import Context
from envcheck.model.facts import FactSheet


def context(target: dict[str, Any] | None = None, **facts: Any) -> Context:
    values: dict[str, Any] = {
        "interpreter.executable": "/my env/bin/python",
        "interpreter.prefix": "/my env",
        "interpreter.version": "3.11.7",
        "interpreter.is_venv": True,
        "interpreter.externally_managed": False,
        "host.os": "linux",
        "host.libc.family": "glibc",
        "distributions.installed": [{"name": "pip", "version": "24"}],
    }
    values.update({key.replace("__", "."): value for key, value in facts.items()})
    entries = {key: {"status": "known", "value": value} for key, value in values.items()}
    return Context(FactSheet({"target": target or {"kind": "python"}, "facts": entries}))


PYTHON = "'/my env/bin/python'"
UV = {"interpreter__venv__config": {"uv": "0.9"}, "distributions__installed": []}
CONDA = {
    "interpreter__is_venv": False,
    "distributions__conda": ["numpy=1=0", "pytorch=2.5=0"],
    "distributions__installed": [
        {"name": "pip", "version": "24", "installer": "conda"},
        {"name": "numpy", "version": "1", "installer": "conda"},
        {"name": "torch", "version": "2.5", "installer": "conda"},
        {"name": "peft", "version": "1", "installer": "pip"},
    ],
}
MANAGED = {"interpreter__is_venv": False, "interpreter__externally_managed": True}
IMAGE = {"kind": "image", "name": "me/image"}


def test_pip() -> None:
    remedy = remedies.install(context(), ["torch>=2.2", "peft"])
    assert remedy.text == "Install torch>=2.2 and peft"
    assert remedy.commands == (f"{PYTHON} -m pip install 'torch>=2.2' peft",)
    assert remedies.uninstall(context(), ["peft"]).commands == (
        f"{PYTHON} -m pip uninstall -y peft",
    )
    assert remedies.reinstall(context(), ["peft==1.0"]).commands == (
        f"{PYTHON} -m pip install --force-reinstall --no-deps peft==1.0",
    )
    assert "--ignore-installed" in remedies.reinstall(context(), ["a==1"], damaged=True).commands[0]


def test_uv() -> None:
    assert remedies.install(context(**UV), ["peft"]).commands == (
        f"uv pip install --python {PYTHON} peft",
    )
    (command,) = remedies.reinstall(context(**UV), ["peft==1"]).commands
    assert "--reinstall-package peft" in command
    (command,) = remedies.torch_backend(context(**UV), "cu126", "torch").commands
    assert command == f"uv pip install --python {PYTHON} --torch-backend cu126 torch"


def test_an_environment_without_pip_is_uv_s() -> None:
    remedy = remedies.install(context(distributions__installed=[]), ["peft"])
    assert remedy.commands[0].startswith("uv pip install")


def test_an_environment_that_lost_its_pip_gets_it_back() -> None:
    left = [{"name": "peft", "version": "1", "installer": "pip"}]
    remedy = remedies.install(context(distributions__installed=left), ["torch"])
    assert remedy.commands == (f"{PYTHON} -m ensurepip", f"{PYTHON} -m pip install torch")
    both = [*left, {"name": "x", "version": "1", "installer": "uv"}]
    remedy = remedies.install(context(distributions__installed=both), ["torch"])
    assert remedy.commands[0].startswith("uv pip install")


def test_conda() -> None:
    target = context(**CONDA)
    assert remedies.uninstall(target, ["torch"]).commands == ("conda remove -p '/my env' pytorch",)
    assert remedies.reinstall(target, ["numpy==1"]).commands == (
        "conda install --force-reinstall -p '/my env' numpy==1",
    )
    assert remedies.reinstall(target, ["peft==1"]).commands[0].startswith(f"{PYTHON} -m pip")
    assert remedies.torch_backend(target, "cu126", "torch").commands == (
        "conda install -p '/my env' pytorch-gpu cuda-version=12.6",
    )


def test_an_operating_system_s_python_gets_an_environment_first() -> None:
    remedy = remedies.install(context(**MANAGED), ["peft"])
    assert "operating system" in remedy.text
    assert remedy.commands == (
        f"{PYTHON} -m venv .venv",
        ".venv/bin/python -m pip install peft",
    )


def test_an_image_gets_lines_of_its_dockerfile() -> None:
    remedy = remedies.install(context(IMAGE), ["peft>=1"])
    assert remedy.text.endswith("in the Dockerfile")
    assert remedy.commands == (f"RUN {PYTHON} -m pip install --no-cache-dir 'peft>=1'",)
    assert remedies.install(context(IMAGE, **MANAGED), ["peft"]).commands == (
        f"RUN {PYTHON} -m venv /opt/venv"
        " && /opt/venv/bin/python -m pip install --no-cache-dir peft",
    )
    assert remedies.new_environment(context(IMAGE), "3.12").commands == ("FROM python:3.12-slim",)


def test_another_host() -> None:
    remedy = remedies.install(context({"kind": "ssh", "name": "me@gpu"}), ["peft>1"])
    words = shlex.split(remedy.commands[0])
    assert words[:2] == ["ssh", "me@gpu"]
    assert shlex.split(words[2])[0] == "/my env/bin/python"


def test_a_build_of_torch_with_pip() -> None:
    remedy = remedies.torch_backend(context(), "cu126", "torch==2.9.0")
    assert remedy.commands == (
        f"{PYTHON} -m pip install uv",
        f"{PYTHON} -m uv pip install --python {PYTHON} --torch-backend cu126 torch==2.9.0",
    )
    there = [{"name": "uv"}, {"name": "pip"}, {"name": "torch", "version": "2.9.0+cpu"}]
    (command,) = remedies.torch_backend(
        context(distributions__installed=there), "cu126", "torch"
    ).commands
    assert "--reinstall-package torch" in command


def test_a_local_label_is_a_build() -> None:
    (first, command) = remedies.reinstall(context(), ["torch==2.9.0+cu126"]).commands
    assert first.endswith("install uv")
    assert "--torch-backend cu126" in command
    assert command.endswith(" torch==2.9.0")
    assert "+" not in command


def test_another_version_of_torch_is_of_the_same_build() -> None:
    there = [{"name": "pip"}, {"name": "torch", "version": "2.5.1+cpu"}]
    (_, command) = remedies.install(
        context(distributions__installed=there), ["torch>=2.9", "peft"]
    ).commands
    assert "--torch-backend cpu --reinstall-package torch 'torch>=2.9' peft" in command


def test_it_comes_from_where_it_came() -> None:
    records = [
        {"name": "pip"},
        {"name": "a", "direct_url": "git+https://host/a.git@abc"},
        {"name": "b", "direct_url": "file:///src/b", "editable": True},
    ]
    (command,) = remedies.reinstall(
        context(distributions__installed=records), ["a==1", "b==2"]
    ).commands
    assert shlex.split(command)[-3:] == ["a @ git+https://host/a.git@abc", "-e", "/src/b"]


@pytest.mark.parametrize("place", [{"kind": "python"}, IMAGE])
def test_no_torch_for_musl(place: dict[str, str]) -> None:
    target = context(place, host__libc__family="musl")
    for remedy in (
        remedies.install(target, ["torch>=2", "peft"]),
        remedies.torch_backend(target, "cpu"),
    ):
        assert "no wheel for musl" in remedy.text
        assert not any("pip" in command for command in remedy.commands)
    assert remedies.install(target, ["peft"]).commands


def test_windows() -> None:
    target = context(host__os="windows", interpreter__executable=r"C:\my env\python.exe")
    (command,) = remedies.install(target, ["torch>=2"]).commands
    assert command == r'"C:\my env\python.exe" -m pip install "torch>=2"'


def test_what_cannot_be_pasted_gives_no_command() -> None:
    remedy = remedies.reinstall(context(), ["evil\nrm -rf ~==1"])
    assert remedy.commands == ()
    assert "\n" not in remedy.text


@given(st.text(min_size=1))
def test_quoting_is_the_shell_s(word: str) -> None:
    assert shlex.split(remedies.quoted(word), posix=True) == [word]
