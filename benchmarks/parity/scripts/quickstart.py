"""The quickstart as tutorials have it, with a DataLoader filled in."""

from accelerate import Accelerator  # noqa: I001 - as tutorials have it
import torch
import torch.nn as nn


def train():
    accelerator = Accelerator(mixed_precision="bf16")
    model = nn.Linear(10, 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    rows = [{"input": torch.randn(10), "target": torch.randn(1)} for _ in range(50)]
    dataloader = torch.utils.data.DataLoader(rows, batch_size=8, shuffle=True)
    # prepare() handles device placement and distributed wrapping
    model, optimizer, dataloader = accelerator.prepare(model, optimizer, dataloader)
    model.train()
    for batch in dataloader:
        optimizer.zero_grad()
        outputs = model(batch["input"])
        loss = nn.functional.mse_loss(outputs, batch["target"])
        accelerator.backward(loss)  # not loss.backward()
        optimizer.step()
    # Save on main process only
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        accelerator.save_model(model, "output/")


torch.manual_seed(0)
train()
