"""Which device a process takes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


@pytest.fixture
def two_devices(monkeypatch):
    """Two of a kind that this torch knows, of which the second is current; calls are recorded."""
    current = [1]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.xpu, "is_available", lambda: True)
    monkeypatch.setattr(torch.xpu, "device_count", lambda: 2)
    monkeypatch.setattr(torch.xpu, "current_device", lambda: current[-1])
    monkeypatch.setattr(torch.xpu, "set_device", current.append)
    return current


def test_the_device_that_the_program_has_set(two_devices):
    from envcheck.accelerator import devices

    assert devices.choose() == torch.device("xpu", 1)
    assert devices.choose(index=0) == torch.device("xpu", 0)
    assert two_devices == [1, 1, 0]
    assert devices.choose() == torch.device("xpu", 0)
    assert devices.choose(cpu=True) == torch.device("cpu")


def test_more_processes_than_devices(two_devices):
    from envcheck.accelerator import devices

    with pytest.raises(RuntimeError, match="process 2 of this machine has no device, 2 xpu"):
        devices.choose(index=2)
