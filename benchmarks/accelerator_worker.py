"""One process of ``benchmarks/accelerator.py``: trains one case in one way, an epoch when asked.

    python -m benchmarks.accelerator_worker VARIANT "CASE" DEVICE

A line on standard input asks for an epoch, a line of JSON answers. Each way has a process of its
own, so that no hook or global setting of one library is paid for by the others.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import itertools
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torch.utils.data.distributed import DistributedSampler

from benchmarks import accelerator_cases
from benchmarks import accelerator_loops as loops
from benchmarks.accelerator_cases import ACCUMULATION, CASES, OURS, PLAIN, SIZES, Case

if TYPE_CHECKING:
    from benchmarks.accelerator_loops import Epoch

MODULES = {OURS: "envcheck.accelerator", "accelerate": "accelerate"}
WIDTH, HIDDEN, LAYERS = 32, 192, 4


class Records(Dataset):  # type: ignore[type-arg]
    """Samples that are dicts, as those of a tokenized text are."""

    def __init__(self, inputs: torch.Tensor, targets: torch.Tensor) -> None:
        self.inputs, self.targets = inputs, targets

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"input": self.inputs[index], "target": self.targets[index]}


def model_of(size: str) -> nn.Module:
    """Inputs are (batch, 32) for the tiny one and (batch, 32, 192) for the medium one."""
    if size == "tiny":
        widths = (WIDTH, *[HIDDEN] * LAYERS)
        pairs = [(nn.Linear(*pair), nn.ReLU()) for pair in itertools.pairwise(widths)]
        return nn.Sequential(*itertools.chain(*pairs), nn.Linear(HIDDEN, 1))
    layer = nn.TransformerEncoderLayer(
        HIDDEN, 4, 4 * HIDDEN, dropout=0.0, batch_first=True, norm_first=True
    )
    encoder = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
    return nn.Sequential(encoder, nn.Linear(HIDDEN, 1))


def data_of(case: Case) -> Any:
    """A dataset of as many samples as all processes need for one epoch."""
    size = SIZES[case.size]
    shape = (WIDTH,) if case.size == "tiny" else (WIDTH, HIDDEN)
    inputs = torch.randn(size.batch * size.steps * case.processes, *shape)
    targets = inputs.mean(-1, keepdim=True)
    return Records(inputs, targets) if case.batches == "dict" else TensorDataset(inputs, targets)


def parts_of(case: Case, device: torch.device) -> loops.Parts:
    """Model, optimizer, loader and scheduler of one process."""
    torch.manual_seed(1)
    model = model_of(case.size).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(2)
    batch = SIZES[case.size].batch
    loader = DataLoader(data_of(case), batch_size=batch, shuffle=True, generator=generator)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 100_000)
    return loops.Parts(model, optimizer, loader, scheduler, device)


def plain(case: Case, parts: loops.Parts) -> Epoch:
    """The program without a library; with two processes, DDP and a DistributedSampler."""
    program = getattr(loops, accelerator_cases.program(PLAIN, case))
    if case.processes == 1:
        alone: Epoch = program(parts)
        return alone
    torch.distributed.init_process_group("gloo")
    sampler: Any = DistributedSampler(parts.loader.dataset)
    loader = DataLoader(parts.loader.dataset, parts.loader.batch_size, sampler=sampler)
    model = nn.parallel.DistributedDataParallel(parts.model)
    loop: Epoch = program(parts._replace(model=model, loader=loader))
    numbers = itertools.count()

    def epoch() -> None:
        sampler.set_epoch(next(numbers))
        loop()

    return epoch


def prepared(variant: str, case: Case, parts: loops.Parts) -> Epoch:
    """The program with ``Accelerator`` of the module that ``variant`` names."""
    accelerator = importlib.import_module(MODULES[variant]).Accelerator(
        mixed_precision=case.precision,
        gradient_accumulation_steps=ACCUMULATION if case.loop == "accumulate" else 1,
        cpu=parts.device.type == "cpu",
    )
    loop: Epoch = getattr(loops, accelerator_cases.program(variant, case))(accelerator, parts)
    return loop


def weights(model: nn.Module) -> str:
    """A hash of all parameters."""
    digest = hashlib.sha256()
    for parameter in model.parameters():
        digest.update(parameter.detach().cpu().numpy().tobytes())
    return digest.hexdigest()


def timed(epoch: Epoch, device: torch.device, processes: int) -> dict[str, float]:
    """Seconds of processor and wall time of one epoch; garbage of the past is not its business."""
    gc.collect()
    if processes > 1:
        torch.distributed.barrier()
    _finish(device)
    cpu, wall = time.process_time(), time.perf_counter()
    epoch()
    _finish(device)
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def main() -> int:
    """Answer until standard input ends. The libraries' words go to standard error."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    variant, title, device_type = sys.argv[1:]
    case = next(case for case in CASES if case.title == title)
    torch.set_num_threads(1)
    parts = parts_of(case, torch.device(device_type))
    epoch = plain(case, parts) if variant == PLAIN else prepared(variant, case, parts)
    gc.collect()
    gc.freeze()  # what was imported and built is not looked through again while it is timed
    name = torch.cuda.get_device_name() if parts.device.type == "cuda" else "one CPU thread"
    print(json.dumps({"torch": torch.__version__, "device": name}), file=answers)
    for line in sys.stdin:
        if line == "weights\n":
            answer = {"weights": weights(parts.model)}
        else:
            answer = timed(epoch, parts.device, case.processes)
        print(json.dumps(answer), file=answers)
    if case.processes > 1:
        torch.distributed.destroy_process_group()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
