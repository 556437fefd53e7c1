"""Losses that are not finite, formats and devices that are not what they seem, forks."""

from __future__ import annotations

import contextlib
import copy
import os
import re
import warnings

import pytest

torch = pytest.importorskip("torch")

from programs import Program  # noqa: E402 -- what follows needs torch
from torch import nn  # noqa: E402

from envcheck.accelerator import Accelerator, write_basic_config  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("fresh")]

INPUTS = torch.ones(3, 2)


def pair():
    model = nn.Linear(2, 1)
    return model, torch.optim.SGD(model.parameters(), lr=0.1)


def emulated(precision):
    """An Accelerator; whether a CPU only emulates the format is another test's concern."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "mixed_precision")
        return Accelerator(cpu=True, mixed_precision=precision)


# Losses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_a_loss_that_is_not_finite_spoils_nothing(precision, value):
    accelerator = emulated(precision)
    model, optimizer = accelerator.prepare(*pair())
    accelerator.backward(model(INPUTS).sum())
    optimizer.step()
    optimizer.zero_grad()
    weights = copy.deepcopy(model.state_dict())
    shown = re.escape(f"rank 0, number 2 is {value}")
    with pytest.raises(FloatingPointError, match=shown):
        accelerator.backward(model(INPUTS).square().sum() * value)
    optimizer.step()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, weights[name])


def test_a_loss_scale_skips_what_is_not_finite():
    accelerator = emulated("fp16")
    model, optimizer = accelerator.prepare(*pair())
    weights = copy.deepcopy(model.state_dict())
    with pytest.warns(match=r"number 1 is inf; the loss scale lets this step be skipped"):
        accelerator.backward(model(INPUTS).square().sum() * float("inf"))
    optimizer.step()
    assert accelerator.optimizer_step_was_skipped
    assert all(torch.equal(own, weights[name]) for name, own in model.state_dict().items())
    optimizer.zero_grad()
    accelerator.backward(model(INPUTS).mean())
    optimizer.step()
    assert not accelerator.optimizer_step_was_skipped
    assert not torch.equal(model.weight, weights["weight"])


# Devices ----------------------------------------------------------------------------------------


@pytest.fixture
def devices(monkeypatch):
    """``devices(2, (7, 5))``: what torch says of this machine's GPUs; nothing else is changed."""

    def pretend(count, capability=(9, 0)):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
        monkeypatch.setattr(torch.cuda, "set_device", lambda _: None)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _=None: capability)
        monkeypatch.setattr(torch.version, "hip", None)

    return pretend


def test_several_devices_and_no_configuration(devices, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("ACCELERATE_CONFIG_FILE", raising=False)
    devices(1)
    Accelerator()
    devices(3)
    with pytest.warns(match=r"of 3 cuda devices this process uses one.*no configuration file"):
        Accelerator()
    write_basic_config()
    with pytest.warns(match=r"default_config.yaml is read by the launcher only"):
        Accelerator()


@pytest.mark.parametrize(
    ("precision", "capability", "emulates"),
    [
        ("bf16", (9, 0), False),
        ("bf16", (8, 0), False),
        ("bf16", (7, 5), True),
        ("bf16", (6, 1), True),
        ("fp16", (7, 0), False),
        ("fp16", (5, 3), False),
        ("fp16", (5, 2), True),
        ("no", (3, 5), False),
    ],
)
def test_what_a_gpu_only_emulates(devices, precision, capability, emulates):
    devices(1, capability)
    text = "cuda only emulates it, slowly: compute capability {}.{}".format(*capability)
    with pytest.warns(match=text) if emulates else contextlib.nullcontext():
        assert Accelerator(mixed_precision=precision).mixed_precision == precision


@pytest.mark.parametrize("precision", ["fp8", "FP16", "", "half", 16, True, torch.float16])
def test_precisions_that_there_are_not(precision):
    with pytest.raises(ValueError, match="one of no, bf16, fp16"):
        Accelerator(cpu=True, mixed_precision=precision)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_cpu_says_whether_it_emulates(precision):
    with open("/proc/cpuinfo") as file:
        native = re.search(
            rf"\b(avx512_{precision}|amx_{precision}|asimdhp|svebf16)\b", file.read()
        )
    text = f"mixed_precision='{precision}': cpu only emulates it, slowly: it has none of "
    with contextlib.nullcontext() if native else pytest.warns(match=text):
        Accelerator(cpu=True, mixed_precision=precision)


def test_another_precision_in_the_same_process():
    emulated("bf16")
    with pytest.raises(ValueError, match=r"cannot be changed.*'bf16'.*'no'"):
        Accelerator(cpu=True, mixed_precision="no")


FORKED = Program(
    "used in a fork of the process that made it",
    """
accelerator = Accelerator(cpu=True)
model = nn.Linear(2, 1)
model, optimizer, loader = accelerator.prepare(
    model, torch.optim.SGD(model.parameters(), lr=0.1), DataLoader(Rows(4), batch_size=2)
)
child = os.fork()
if not child:
    status = 1
    for use in (
        lambda: accelerator.prepare(nn.Linear(1, 1)),
        lambda: accelerator.backward(model(torch.ones(1, 2)).sum()),
    ):
        assert "notebook_launcher" in str(raised(use))
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert len(list(loader)) == 2
""",
    (0,),
)


@pytest.mark.parametrize("scenario", [FORKED], ids=lambda scenario: scenario.name)
def test_forks(scenario, ran):
    scenario.check(ran.outcomes)


@pytest.mark.parametrize("missing", ["RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"])
def test_one_of_several_that_cannot_join_never_trains_alone(monkeypatch, missing):
    started = {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1"}
    for name, value in {**started, "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(missing)
    with pytest.raises(RuntimeError, match=rf"WORLD_SIZE=2\) and cannot join.*{missing} not set"):
        Accelerator(cpu=True)


def test_started_by_mpi(monkeypatch):
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "4")
    with pytest.raises(RuntimeError, match=r"OMPI_COMM_WORLD_SIZE=4\) and cannot join"):
        Accelerator(cpu=True)
    assert "RANK" not in os.environ
