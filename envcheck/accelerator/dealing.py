"""Preparing a dataloader: which process reads what, and who hands it to the others."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import BatchSampler, DistributedSampler, IterableDataset, RandomSampler

from envcheck.accelerator import operations, process
from envcheck.accelerator.data_loader import DataLoaderShard, changed, sampler_name
from envcheck.accelerator.sharding import (
    BatchSamplerShard,
    IterableDatasetShard,
    SeedableRandomSampler,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.accelerator.state import GradientState


class DataLoaderDispatcher(DataLoaderShard):
    """The main process reads; every process gets its part of a batch, completed from the first."""

    def __init__(
        self, dataset: Any, split_batches: bool = False, slice_fn: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(dataset, **kwargs)
        self.split_batches = split_batches
        self.slice_fn = slice_fn or operations.slice_tensors
        self.turn = 1 if split_batches else process.current().count  # batches in a round

    def __len__(self) -> int:
        whole, rest = divmod(len(self.base_dataloader), self.turn)
        return whole + bool(rest and not self.base_dataloader.drop_last)

    def _compare_lengths(self) -> None:
        """They are always equal."""

    def _skip(self, count: int) -> None:
        super()._skip(count * self.turn if count else 0)
        self.skip_batches = count

    def _marked(self, batches: Iterator[Any]) -> Iterator[Any]:
        here = process.current()
        reading = self._rounds(batches) if here.index == 0 else iter(())
        while True:
            sent = operations.broadcast_object_list([next(reading, None)])[0]
            if sent is None:
                return
            parts, size, self.end_of_dataloader = sent
            if self.end_of_dataloader:
                self.remainder = size
            yield operations.send_to_device(parts[here.index], self.device or here.device)

    def _rounds(self, batches: Iterator[Any]) -> Iterator[tuple[list[Any], int, bool]]:
        """The parts of each round, its size before it was completed, and whether it is the last."""
        count, first = process.current().count, None
        rounds = iter(lambda: list(islice(batches, self.turn)), [])
        held = list(islice(rounds, 1))
        while held:
            held += islice(rounds, 1)
            turn = held.pop(0)
            if len(turn) < self.turn and self.base_dataloader.drop_last:
                return
            whole = turn[0] if len(turn) == 1 else operations.concatenate(turn)
            size = full = operations.find_batch_size(whole)
            if size is None:
                raise TypeError(
                    f"dispatch_batches: a batch of type {type(turn[0]).__name__} has no tensors "
                    "to deal out; pass DataLoaderConfiguration(dispatch_batches=False)"
                )
            first = whole if first is None else first
            while full % count:
                missing = slice(0, min(-full % count, operations.find_batch_size(first)))
                whole = operations.concatenate([whole, operations.slice_tensors(first, missing)])
                full = operations.find_batch_size(whole)
            cuts = [slice(r * full // count, (r + 1) * full // count) for r in range(count)]
            parts = [
                self.slice_fn(whole, cut, process_index=rank, num_processes=count)
                for rank, cut in enumerate(cuts)
            ]
            yield parts, size, not held


def prepare_data_loader(
    dataloader: Any,
    device: Any = None,
    num_processes: int | None = None,
    process_index: int | None = None,
    split_batches: bool = False,
    put_on_device: bool = False,
    rng_types: list[str] | None = None,
    dispatch_batches: bool | None = None,
    even_batches: bool = True,
    slice_fn_for_dispatch: Any = None,
    use_seedable_sampler: bool = False,
    data_seed: int | None = None,
    non_blocking: bool = False,
    gradient_state: GradientState | None = None,
) -> DataLoaderShard:
    """``dataloader`` for this process: its part of the data, on ``device`` if ``put_on_device``.

    Raises ValueError for what cannot be dealt out.
    """
    here = process.current()
    count = here.count if num_processes is None else num_processes
    index = here.index if process_index is None else process_index
    iterable = isinstance(dataloader.dataset, IterableDataset)
    if dispatch_batches is None:
        dispatch_batches = iterable and put_on_device and count > 1
    if dispatch_batches and not put_on_device:
        raise ValueError("dispatch_batches=True needs put_on_device=True")
    options: dict[str, Any] = {"gradient_state": gradient_state, "non_blocking": non_blocking}
    options["device"] = device if put_on_device else None
    sampler = getattr(dataloader.batch_sampler, "sampler", dataloader.sampler)
    if count > 1 and isinstance(sampler, DistributedSampler):
        raise ValueError(
            "the dataloader has a DistributedSampler, and prepare() deals out once more: each "
            "process would see a part of its part. Give it a plain sampler."
        )
    if use_seedable_sampler and type(sampler) is RandomSampler:
        sampler = SeedableRandomSampler(
            sampler.data_source, sampler.replacement, sampler._num_samples, data_seed=data_seed
        )
        batches = BatchSampler(sampler, dataloader.batch_size, dataloader.drop_last)
        dataloader = changed(dataloader, batch_sampler=batches, sampler=sampler)
    if dispatch_batches:
        return DataLoaderDispatcher(dataloader, split_batches, slice_fn_for_dispatch, **options)
    if count > 1 and iterable:
        size, last = dataloader.batch_size or 1, dataloader.drop_last
        shard = IterableDatasetShard(dataloader.dataset, size, last, count, index, split_batches)
        options["synchronized_generator"] = getattr(dataloader.dataset, "generator", None)
        dataloader = changed(dataloader, dataset=shard, batch_size=shard.share)
    elif count > 1:
        if hasattr(sampler, "generator") and not use_seedable_sampler:
            if sampler.generator is None:
                seed = int(torch.empty((), dtype=torch.int64).random_().item())
                sampler.generator = torch.Generator().manual_seed(seed)
            options["synchronized_generator"] = sampler.generator
        name = sampler_name(dataloader)
        given = getattr(dataloader, name)
        dealt = BatchSamplerShard(given, count, index, split_batches, even_batches)
        dataloader = changed(dataloader, **{name: dealt})
    options["rng_types"] = list(rng_types or ())
    return DataLoaderShard(dataloader, **options)
