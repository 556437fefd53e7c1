"""The driver's files, nvidia-smi's output, and other devices, from fixture trees."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envcheck.agent import protocol, smi
from envcheck.agent.probes import devices, nvidia

Tree = Callable[[dict[str, str]], str]
OPEN = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  575.57.08  Release Build  (x@y)\n"
    "GCC version: gcc 13.3.0"
)
CLOSED = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n"
)


def observe(root: str) -> protocol.Facts:
    facts = protocol.Facts()
    nvidia.kernel(facts, root)
    return facts


def test_nothing(tree: Tree) -> None:
    facts = observe(tree({"dev/null": ""}))
    assert facts.entries["kernel.version"]["status"] == "absent"
    assert facts.value("kernel.nodes") == []
    assert facts.entries["bus.gpus"]["status"] == "unknown"


@pytest.mark.parametrize(
    ("banner", "version", "flavour"),
    [(OPEN, "575.57.08", "open"), (CLOSED, "535.183.01", "proprietary")],
)
def test_banner(tree: Tree, banner: str, version: str, flavour: str) -> None:
    facts = observe(tree({"proc/driver/nvidia/version": banner}))
    assert facts.value("kernel.version") == version
    assert facts.value("kernel.flavour") == flavour


def test_module_nodes_and_bus(tree: Tree) -> None:
    files = {
        "sys/module/nvidia/version": "570.86.10\n",
        "sys/module/nouveau/refcnt": "1",
        "dev/nvidia0": "",
        "dev/nvidiactl": "",
        "proc/bus/pci/devices": "0108\t10de2204\t10\n0109\t10de1aef\t10\n"
        "0000\t80861237\t0\nbad\n\t\t\n",
        "sys/bus/pci/devices/0000:01:01.0/class": "0x030000\n",
        "sys/bus/pci/devices/0000:01:01.1/class": "0x040300\n",
    }
    facts = observe(tree(files))
    assert facts.value("kernel.version") == "570.86.10"
    assert facts.value("kernel.modules") == ["nvidia", "nouveau"]
    assert facts.value("kernel.nodes") == ["nvidia0", "nvidiactl"]
    assert facts.value("bus.gpus") == 1


def test_rubbish_in_the_files(tree: Tree) -> None:
    facts = observe(
        tree({"proc/driver/nvidia/version": "\x1b[2J" * 100, "proc/bus/pci/devices": "\t" * 999})
    )
    assert facts.entries["kernel.version"]["status"] == "absent"


@given(st.text())
def test_any_output_of_nvidia_smi(text: str) -> None:
    facts = smi.parse(text)
    assert len(facts["devices"]) <= 512
    assert facts["sample"] is None or facts["sample"].rstrip("…").isascii()


@given(
    st.lists(
        st.sampled_from(["0", "GPU-1", "MIG-2", "535.10", "8.0", "", "²", "[N/A]", "1" * 30]),
        max_size=9,
    )
)
def test_any_cells_of_nvidia_smi(cells: list[str]) -> None:
    for device in smi.parse(", ".join(cells))["devices"]:
        assert device["uuid"].startswith(("GPU-", "MIG-"))


def test_table_of_nvidia_smi() -> None:
    line = "| NVIDIA-SMI 535.183.01   Driver Version: 535.183.01   CUDA Version: 12.2     |"
    assert smi.parse("+---+\n" + line)["driver"] == "535.183.01"


def test_amd_gpu(tree: Tree) -> None:
    node = "sys/class/kfd/kfd/topology/nodes/"
    files = {
        node + "0/properties": "cpu_cores_count 64\nsimd_count 0\n",
        node + "1/properties": "simd_count 880\ngfx_target_version 90010\n",
        node + "1/name": "aldebaran\n",
        node + "1/mem_banks/0/properties": "heap_type 1\nsize_in_bytes 68702699520\n",
    }
    facts = protocol.Facts()
    root = tree(files)
    assert devices.rocm(facts, root) == ([], "")
    assert facts.value("rocm.hidden") == 1
    (found,), _ = devices.rocm(facts, tree({"dev/kfd": ""}))
    assert found["compute_capability"] == "gfx90a"
    assert found["memory"] == 68702699520
    assert facts.value("rocm.hidden") == 0


def test_npu(tree: Tree) -> None:
    found, _ = devices.npu(
        None, tree({"dev/davinci0": "", "dev/davinci1": "", "dev/davinci_manager": ""})
    )
    assert len(found) == 2


def test_intel_gpu_without_level_zero_is_none(tree: Tree) -> None:
    root = tree({"sys/class/drm/renderD128/device/vendor": "0x8086\n"})
    found, reason = devices.xpu(None, root)
    assert found == []
    assert reason == "" or "only torch can tell" in reason


def test_a_lost_probe_leaves_cuda_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia, "OBSERVED", None)
    found, reason = devices.cuda(None)
    assert found == []
    assert "not asked" in reason


def test_macos_has_no_driver_and_nothing_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia, "IS_LINUX", False)
    monkeypatch.setattr(nvidia, "IS_WINDOWS", False)
    monkeypatch.setattr(nvidia, "OBSERVED", None)
    facts = protocol.Facts()
    nvidia.collect(facts, protocol.Request())
    assert {field.name for field in nvidia.FIELDS} == set(facts.entries)
    assert devices.cuda(None) == ([], "")
