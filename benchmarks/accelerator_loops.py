"""The three programs that are compared, each as its user writes it.

``plain_*`` is torch alone. ``prepared_*`` is one text for Accelerate and for ours: only the class
differs. Every function returns the loop over one epoch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.nn.functional import mse_loss

from benchmarks.accelerator_cases import ACCUMULATION, CLIP

if TYPE_CHECKING:
    from collections.abc import Callable

    Epoch = Callable[[], None]


class Parts(NamedTuple):
    """What a training program has before its loop; ``device`` is where the model is."""

    model: Any
    optimizer: Any
    loader: Any
    scheduler: Any
    device: torch.device


def plain_simple(parts: Parts) -> Epoch:
    model, optimizer, loader, _, device = parts

    def epoch() -> None:
        for inputs, targets in loader:
            inputs, targets = inputs.to(device), targets.to(device)
            optimizer.zero_grad(set_to_none=True)
            loss = mse_loss(model(inputs), targets)
            loss.backward()
            optimizer.step()

    return epoch


def plain_simple_dict(parts: Parts) -> Epoch:
    model, optimizer, loader, _, device = parts

    def epoch() -> None:
        for batch in loader:
            batch = {name: value.to(device) for name, value in batch.items()}
            optimizer.zero_grad(set_to_none=True)
            loss = mse_loss(model(batch["input"]), batch["target"])
            loss.backward()
            optimizer.step()

    return epoch


def plain_simple_bf16(parts: Parts) -> Epoch:
    model, optimizer, loader, _, device = parts

    def epoch() -> None:
        for inputs, targets in loader:
            inputs, targets = inputs.to(device), targets.to(device)
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device.type, dtype=torch.bfloat16):
                outputs = model(inputs)
            loss = mse_loss(outputs.float(), targets)
            loss.backward()
            optimizer.step()

    return epoch


def plain_simple_fp16(parts: Parts) -> Epoch:
    model, optimizer, loader, _, device = parts
    scaler = torch.amp.GradScaler(device.type)

    def epoch() -> None:
        for inputs, targets in loader:
            inputs, targets = inputs.to(device), targets.to(device)
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device.type, dtype=torch.float16):
                outputs = model(inputs)
            loss = mse_loss(outputs.float(), targets)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()

    return epoch


def plain_accumulate(parts: Parts) -> Epoch:
    model, optimizer, loader, _, device = parts

    def epoch() -> None:
        last = len(loader) - 1
        for index, (inputs, targets) in enumerate(loader):
            inputs, targets = inputs.to(device), targets.to(device)
            loss = mse_loss(model(inputs), targets) / ACCUMULATION
            loss.backward()
            if (index + 1) % ACCUMULATION == 0 or index == last:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)

    return epoch


def plain_accumulate_processes(parts: Parts) -> Epoch:
    model, optimizer, loader, _, device = parts

    def micro_step(inputs: torch.Tensor, targets: torch.Tensor) -> None:
        inputs, targets = inputs.to(device), targets.to(device)
        loss = mse_loss(model(inputs), targets) / ACCUMULATION
        loss.backward()

    def epoch() -> None:
        last = len(loader) - 1
        for index, (inputs, targets) in enumerate(loader):
            if (index + 1) % ACCUMULATION == 0 or index == last:
                micro_step(inputs, targets)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            else:
                with model.no_sync():
                    micro_step(inputs, targets)

    return epoch


def plain_schedule(parts: Parts) -> Epoch:
    model, optimizer, loader, scheduler, device = parts

    def epoch() -> None:
        for inputs, targets in loader:
            inputs, targets = inputs.to(device), targets.to(device)
            optimizer.zero_grad(set_to_none=True)
            loss = mse_loss(model(inputs), targets)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            scheduler.step()

    return epoch


def prepared_simple(accelerator: Any, parts: Parts) -> Epoch:
    model, optimizer, loader = accelerator.prepare(*parts[:3])

    def epoch() -> None:
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = mse_loss(model(inputs), targets)
            accelerator.backward(loss)
            optimizer.step()

    return epoch


def prepared_simple_dict(accelerator: Any, parts: Parts) -> Epoch:
    model, optimizer, loader = accelerator.prepare(*parts[:3])

    def epoch() -> None:
        for batch in loader:
            optimizer.zero_grad()
            loss = mse_loss(model(batch["input"]), batch["target"])
            accelerator.backward(loss)
            optimizer.step()

    return epoch


def prepared_accumulate(accelerator: Any, parts: Parts) -> Epoch:
    model, optimizer, loader = accelerator.prepare(*parts[:3])

    def epoch() -> None:
        for inputs, targets in loader:
            with accelerator.accumulate(model):
                loss = mse_loss(model(inputs), targets)
                accelerator.backward(loss)
                optimizer.step()
                optimizer.zero_grad()

    return epoch


def prepared_schedule(accelerator: Any, parts: Parts) -> Epoch:
    model, optimizer, loader, scheduler = accelerator.prepare(*parts[:4])

    def epoch() -> None:
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = mse_loss(model(inputs), targets)
            accelerator.backward(loss)
            if accelerator.sync_gradients:
                accelerator.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            scheduler.step()

    return epoch
