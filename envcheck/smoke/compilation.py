"""``torch.compile`` makes machine code that computes what torch computes without it."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader

from envcheck.accelerator import set_seed
from envcheck.smoke import hardware, models, training
from envcheck.smoke.trials import Failed, Skipped, Trials, variables_kept

if TYPE_CHECKING:
    from collections.abc import Iterator

STEPS = 4
TOLERANCE = 1e-4  # relative; measured: 3e-7
ENOUGH = 10.0  # seconds of wall time without which it is not begun; measured: 4
#: What inductor is told, where it knows the setting: to start no processes that stay, and to make
#: plain code. Otherwise it first compiles a program for each vector instruction set, and a header
#: for later use: 10 s of CPU more, and a second directory of files.
SETTINGS = {
    "compile_threads": 1,
    "cpp.vec_isa_ok": False,
    "cpp_cache_precompile_headers": False,
    "fx_graph_cache": False,
}
#: Variables that make ``torch.compile`` do nothing.
SWITCHES = ("TORCH_COMPILE_DISABLE", "TORCHDYNAMO_DISABLE")
#: Where files are left, and what they are called if machine code was made.
PLACES = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
CODE = (".so", ".pyd", ".cubin", ".hsaco", ".spv", ".zebin")


class Small(nn.Module):
    """Of what is in it only the activation needs code: one function forward and one back."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(models.BITS, 64, bias=False)
        self.last = nn.Linear(64, 2, bias=False)

    def forward(self, bits: torch.Tensor) -> torch.Tensor:
        """(batch, 8) -> (batch, 2)."""
        return self.last(functional.relu(self.first(bits)))


def compiled(trials: Trials, part: str) -> None:
    """On the first device of each kind: C++ for a CPU, Triton for others."""
    for device, first in hardware.places():
        if first:
            work = partial(_compare, trials, device)
            trials.trial(work, part=part, device=str(device), dtype="fp32", model="mlp")


def _compare(trials: Trials, device: torch.device, record: dict[str, Any]) -> None:
    """Train with and without compiling; raise Failed where losses or gradients differ."""
    _check_for_a_compiler(device)
    trials.need(ENOUGH)
    with hardware.folder() as path, _compiling_into(path):
        with hardware.accelerator(device, "fp32", record) as accelerator:
            set_seed(8)
            plain = Small()
            small = Small()
            small.load_state_dict(plain.state_dict())
            optimizers = [torch.optim.SGD(m.parameters(), lr=0.5) for m in (plain, small)]
            loader = DataLoader(models.parity(), batch_size=models.BATCH)
            prepared = accelerator.prepare(plain, torch.compile(small), *optimizers, loader)
            pairs, loader = list(zip(prepared[:2], prepared[2:4])), prepared[4]
            for number, (bits, odd) in enumerate(models.batches(loader, STEPS), 1):
                losses = [training.step(accelerator, *pair, bits, odd, number) for pair in pairs]
                gradients = [[value.grad for value in model.parameters()] for model, _ in pairs]
                record.setdefault("first_loss", losses[0])
                record.update(steps=number, last_loss=losses[1], wanted=losses[0])
                _same(f"the loss of step {number}", *(torch.tensor([v]) for v in losses))
                for expected, found in zip(*gradients):
                    _same(f"a gradient of step {number}", expected, found)
        if not _files(path):
            raise Failed("torch.compile returned, but there is no code that it made")


def _same(what: str, expected: torch.Tensor, found: torch.Tensor) -> None:
    difference = float((found - expected).norm() / expected.norm())
    if not difference <= TOLERANCE:  # so that nan is different
        raise Failed(f"{what} is different when compiled, by {difference:.2g} of it")


def _check_for_a_compiler(device: torch.device) -> None:
    """Raise Skipped if nothing can be compiled here, or is not to be."""
    import torch._dynamo.eval_frame
    from torch._inductor import config

    for name in SWITCHES:
        if os.environ.get(name) == "1":
            raise Skipped(f"torch.compile is switched off: {name}=1")
    try:
        torch._dynamo.eval_frame.check_if_dynamo_supported()
    except RuntimeError as error:
        raise Skipped(str(error)) from error
    if device.type == "cpu":
        named = config.cpp.cxx
        _look_for(
            "CXX", [name for name in (named if isinstance(named, tuple) else (named,)) if name]
        )
    elif device.type in ("cuda", "xpu"):
        from torch.utils._triton import has_triton

        if not has_triton():
            raise Skipped(f"there is no Triton for {device.type}")
        _look_for("CC", ["gcc", "clang", "cc"])  # Triton compiles what starts its kernels
    else:
        raise Skipped(f"what torch.compile makes for {device.type} is not tried")


def _look_for(variable: str, names: list[str]) -> None:
    """Raise Skipped without any of these compilers. Who names another wants it: it is tried."""
    if variable not in os.environ and not any(map(shutil.which, names)):
        raise Skipped(f"there is no compiler: {', '.join(names)} is not on PATH")


@contextmanager
def _compiling_into(path: str) -> Iterator[None]:
    """Compile anew, with ``SETTINGS``, and leave all files in ``path``."""
    from torch._inductor import config, list_options

    settings = {name: value for name, value in SETTINGS.items() if name in list_options()}
    with variables_kept(), config.patch(settings):
        os.environ.update(dict.fromkeys(PLACES, path))
        try:
            yield
        finally:
            torch._dynamo.reset()


def _files(path: str) -> list[str]:
    """The files with machine code below ``path``."""
    return [
        os.path.join(folder, name)
        for folder, _, names in os.walk(path)
        for name in names
        if name.endswith(CODE)
    ]
