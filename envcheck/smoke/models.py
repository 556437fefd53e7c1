"""Two models and made data for them, each of which only a model that really works can learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

if TYPE_CHECKING:
    from collections.abc import Iterator

BITS, SAMPLES, BATCH = 8, 256, 32
VOCABULARY, LENGTH, WIDTH, HEADS = 16, 12, 32, 2
IGNORED = -100  # a target that does not count: the default of torch's cross entropy


class Mlp(nn.Module):
    """(batch, 8) -> (batch, 2). ``dropout`` makes its losses depend on the generator's state."""

    def __init__(self, width: int = 64, dropout: float = 0.0) -> None:
        super().__init__()
        self.first = nn.Linear(BITS, width)
        self.second = nn.Linear(width, width)
        self.last = nn.Linear(width, 2)
        self.dropout = nn.Dropout(dropout)

    def forward(self, bits: torch.Tensor) -> torch.Tensor:
        """Logits of even and odd."""
        hidden = self.dropout(functional.relu(self.first(bits)))
        return self.last(functional.relu(self.second(hidden)))


class Block(nn.Module):
    """Causal attention, then a feed-forward layer, each normalised first and added to its input."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.attend = nn.Linear(WIDTH, 3 * WIDTH)
        self.project = nn.Linear(WIDTH, WIDTH)
        self.feed = nn.Sequential(
            nn.LayerNorm(WIDTH),
            nn.Linear(WIDTH, 4 * WIDTH),
            nn.GELU(),
            nn.Linear(4 * WIDTH, WIDTH),
        )

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """(batch, length, width) -> the same."""
        batch, length, width = states.shape
        parts = self.attend(self.norm(states)).view(batch, length, 3, HEADS, width // HEADS)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        states = states + self.project(seen.transpose(1, 2).reshape(batch, length, width))
        return states + self.feed(states)


class Transformer(nn.Module):
    """(batch, 12) numbers of tokens -> (batch, 16, 12): the logits come before the positions."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Embedding(LENGTH, WIDTH)
        self.blocks = nn.Sequential(Block(), Block())
        self.norm = nn.LayerNorm(WIDTH)
        self.logits = nn.Linear(WIDTH, VOCABULARY)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits of the token before."""
        states = self.blocks(self.tokens(tokens) + self.positions.weight)
        return self.logits(self.norm(states)).transpose(1, 2)


def parity() -> TensorDataset:
    """(256, 8) of -1 and 1, and whether three of them are odd: no linear model knows that."""
    generator = torch.Generator().manual_seed(1)
    bits = torch.randint(0, 2, (SAMPLES, BITS), generator=generator)
    return TensorDataset((bits * 2 - 1).float(), bits[:, :3].sum(1) % 2)


def previous() -> TensorDataset:
    """(256, 12) random tokens, and the token before each: nothing but attention can look there."""
    generator = torch.Generator().manual_seed(2)
    tokens = torch.randint(0, VOCABULARY, (SAMPLES, LENGTH), generator=generator)
    targets = tokens.roll(1, dims=1)
    targets[:, 0] = IGNORED
    return TensorDataset(tokens, targets)


def batches(loader: DataLoader, steps: int) -> Iterator[list[torch.Tensor]]:
    """The first ``steps`` batches of as many epochs as that takes."""
    taken = 0
    while taken < steps:
        for batch in loader:
            yield batch
            taken += 1
            if taken == steps:
                return
