"""The quickstart of Accelerate's page, with what it leaves out: data, and whether it has learned.

The page's own lines are kept as they are: one process, bf16, AdamW, the model saved.
"""

import os

import torch
import torch.nn as nn
from accelerate import Accelerator
from torch.utils.data import DataLoader, Dataset


class Line(Dataset):
    """Inputs of ten numbers; the target is their weighted sum."""

    def __init__(self, size=512):
        generator = torch.Generator().manual_seed(0)
        self.input = torch.randn(size, 10, generator=generator)
        self.target = self.input @ torch.linspace(-1, 1, 10).unsqueeze(1)

    def __len__(self):
        return len(self.input)

    def __getitem__(self, index):
        return {"input": self.input[index], "target": self.target[index]}


def train():
    torch.manual_seed(0)
    accelerator = Accelerator(mixed_precision="bf16")
    model = nn.Linear(10, 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-2)  # 1e-3 on the page: too slow to see
    dataloader = DataLoader(Line(), batch_size=32, shuffle=True)

    # prepare() handles device placement and distributed wrapping
    model, optimizer, dataloader = accelerator.prepare(model, optimizer, dataloader)

    model.train()
    losses = []
    for _epoch in range(6):
        for batch in dataloader:
            optimizer.zero_grad()
            outputs = model(batch["input"])
            loss = nn.functional.mse_loss(outputs, batch["target"])
            accelerator.backward(loss)  # not loss.backward()
            optimizer.step()
            losses.append(loss.item())

    # Save on main process only
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        accelerator.save_model(model, "output/")
    return accelerator, losses


if __name__ == "__main__":
    accelerator, losses = train()
    first, last = losses[0], sum(losses[-8:]) / 8
    saved = os.listdir("output/")
    print(f"device {accelerator.device}, loss {first:.3g} -> {last:.3g}, saved {saved}")
    assert accelerator.mixed_precision == "bf16"
    assert last < first / 10, "the loss does not fall"
    assert any(name.endswith(".safetensors") for name in saved), "the model is not saved"
