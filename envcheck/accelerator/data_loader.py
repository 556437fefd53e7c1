"""Dataloaders that deal out batches to processes, and know when an epoch ends and how to resume.

A prepared dataloader is a view of the original: class, workers and collation stay. Nothing is
loaded ahead where a sampler gives the order, so random numbers are drawn as in a plain loop.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils import data
from torch.utils.data import BatchSampler, DataLoader, IterableDataset

from envcheck.accelerator import operations, processes
from envcheck.accelerator.processes import GradientState
from envcheck.accelerator.sharding import (
    BatchSamplerShard,
    IterableDatasetShard,
    SeedableRandomSampler,
    SkipBatchSampler,
)  # fmt: skip


@dataclass
class Progress:
    """Where a dataloader is: epochs ended, batches handed out in this one, whether the last of
    them, and the states of the random generators before it began. ``resumed``: of a checkpoint.
    """

    epoch: int = 0
    batches: int = 0
    ended: bool = False
    start: dict[str, Any] | None = None
    resumed: bool = False

    def set(self, **values: Any) -> None:
        """These, and everything else as at the beginning of an epoch."""
        self.__dict__.update(Progress(**values).__dict__)


class DataLoaderShard(DataLoader):
    """A dataloader (or that of a dataset and ``keywords``) with batches on ``device``, the first
    ``skip_batches`` left out.

    ``end_of_dataloader`` is true from before the last batch; ``remainder``: see GradientState.
    ``uneven``: some process has more batches than another. ``dealt``: what deals out, a batch
    sampler, a sampler or an iterable dataset.
    """

    end_of_dataloader, uneven = False, False

    def __init__(
        self, dataset: Any, device: Any = None, rng_types: Any = (),
        synchronized_generator: torch.Generator | None = None, skip_batches: int = 0,
        gradient_state: GradientState | None = None, non_blocking: bool = False, **keywords: Any,
    ) -> None:  # fmt: skip
        base = dataset if isinstance(dataset, DataLoader) else DataLoader(dataset, **keywords)
        self.original, self.base_dataloader = base, base
        self.device, self.non_blocking = device, non_blocking
        self.rng_types, self.synchronized_generator = rng_types, synchronized_generator
        self.gradient_state, self.progress = gradient_state or GradientState(), Progress()
        self._sampled = not isinstance(base.dataset, IterableDataset)
        kind = "sampler" if base.batch_sampler is None else "batch_sampler"
        self._kind = kind if self._sampled else "dataset"
        self.dealt = self.__dict__[self._kind] = getattr(base, self._kind)
        self.skip(skip_batches)

    def skip(self, batches: int) -> None:
        """Leave the first ``batches`` out, and read a sampler, if there is one, ahead."""
        self.skip_batches, self._ahead = batches, SkipBatchSampler(self.dealt, batches)
        if self._sampled:
            self.base_dataloader = _changed(self.base_dataloader, **{self._kind: self._ahead})

    def __getattr__(self, name: str) -> Any:
        if name == "base_dataloader":  # not there yet, as in a copy
            raise AttributeError(name)
        return getattr(self.base_dataloader, name)

    def __len__(self) -> int:
        return len(self.base_dataloader)

    iteration = property(lambda self: self.progress.epoch)
    total_dataset_length = property(lambda self: len(self.dataset))
    _shard = property(lambda self: getattr(self.dealt, "batches", self.dealt))
    remainder = property(lambda self: getattr(self._shard, "last", -1))
    full = property(lambda self: getattr(self._shard, "full", -1))

    @property
    def total_batch_size(self) -> int | None:
        """Samples in one round of all processes; None where batches have no fixed size."""
        size = getattr(self._shard, "batch_size", None) or self.base_dataloader.batch_size
        split = getattr(self._shard, "split_batches", False) or size is None
        return size if split else size * getattr(self._shard, "num_processes", 1)

    def set_epoch(self, epoch: int) -> None:
        """Tell the samplers and the dataset which epoch it is."""
        self.progress.epoch = epoch
        for told in self._sources():
            if hasattr(told, "set_epoch"):
                told.set_epoch(epoch)

    def _sources(self) -> list[Any]:
        """The dataset, what deals out, and inside that what it deals out from."""
        found, inner = [self.dataset], self.dealt if self._sampled else None
        while inner is not None:
            found.append(inner)
            inner = getattr(inner, "batch_sampler", getattr(inner, "sampler", None))
        return found

    def __iter__(self) -> Iterator[Any]:
        progress, references = self.progress, self.gradient_state.dataloader_references
        operations.synchronize_rng_states(self.rng_types, self.synchronized_generator)
        if progress.ended and not self.skip_batches:  # a checkpoint of the end of an epoch
            progress.set(epoch=progress.epoch + 1)
        self.set_epoch(progress.epoch)
        self._check_lengths()
        batches = self._begin()
        progress.batches, self.end_of_dataloader, number = (
            self.skip_batches,
            False,
            self.skip_batches,
        )
        references.append(self)
        try:
            for number, batch in enumerate(batches, start=1):
                self.end_of_dataloader = self._ahead.total == number
                if not self._sampled:
                    self._compare_ends()
                progress.batches, progress.ended = progress.batches + 1, self.end_of_dataloader
                if self.device is not None:
                    batch = operations.send_to_device(batch, self.device, self.non_blocking)
                yield batch
        finally:
            references.remove(self)
        if not number and not self.uneven:
            raise ValueError(f"the dataloader of {type(self.dataset).__name__} has no batches")
        progress.set(epoch=progress.epoch + 1)

    def _begin(self) -> Any:
        """The iterator of this epoch, past what is to be skipped.

        After a checkpoint was loaded the order is drawn as it was when that epoch began, and the
        generators are left as the checkpoint has them.
        """
        progress, base = self.progress, self.base_dataloader
        generators = [getattr(place, "generator", None) for place in (base, *self._sources())]
        start = progress.start if progress.resumed else None
        if start and progress.batches != self.skip_batches:
            start = None
            text = f"the checkpoint is from {progress.batches} batches into an epoch, and they come"
            remedy = f"iterate skip_first_batches(dataloader, {progress.batches}) first"
            warnings.warn(f"{text} again: {remedy}", stacklevel=3)
        now = operations.capture(() if start else generators)
        if start:
            operations.restore(start, generators)
        progress.start, progress.resumed = start or now, False
        batches = iter(base)
        if not self._sampled:
            self._ahead = SkipBatchSampler(batches, self.skip_batches)
        if not self._sampled or not self.num_workers:  # workers have begun it by themselves
            self._ahead.begin()
        if start:
            operations.restore(now)
        return batches if self._sampled else self._ahead

    def _check_lengths(self) -> None:
        """Raises ValueError if processes were to have as many batches each, and have not."""
        sized = self._sampled and hasattr(self._sources()[-1], "__len__")
        if sized and processes.current().count > 1:
            own = (len(self), len(self._sources()[-1]))
            every = operations.gather_object([own])
            self.uneven = len({batches for batches, _ in every}) > 1
            if len(set(every)) > 1 and getattr(self.dealt, "even_batches", True):
                text = f"the processes have unequal numbers of batches or samples, by rank {every}"
                remedy = "Give every process the same dataset."
                raise ValueError(f"{text}: they would wait for each other for ever. {remedy}")

    def _compare_ends(self) -> None:
        """Raises ValueError if an iterable dataset ends here and goes on elsewhere."""
        ends = operations.gather_object([self.end_of_dataloader])
        if len(set(ends)) > 1:
            ranks = [rank for rank, end in enumerate(ends) if end]
            text = f"the iterable dataset ends on ranks {ranks} and goes on elsewhere"
            raise ValueError(f"{text}: they would wait for each other for ever")


#: Accelerate's names for what is one class here
DataLoaderDispatcher = SkipDataLoader = DataLoaderStateMixin = DataLoaderShard


def _changed(loader: Any, **values: Any) -> Any:
    """A copy of ``loader`` with another sampler or dataset, which it forbids to set."""
    other = copy.copy(loader)
    other.__dict__.update(values, _iterator=None)
    return other


def prepare_data_loader(
    dataloader: Any, device: Any = None, num_processes: int | None = None,
    process_index: int | None = None, split_batches: bool = False, put_on_device: bool = False,
    rng_types: list[str] | None = None, dispatch_batches: bool | None = None,
    even_batches: bool = True, use_seedable_sampler: bool = False, data_seed: int | None = None,
    non_blocking: bool = False, gradient_state: GradientState | None = None,
) -> DataLoaderShard:  # fmt: skip
    """``dataloader`` for this process: its part of the data, on ``device`` if ``put_on_device``.

    ``dispatch_batches``: the main process reads iterable datasets, or orders, for all; by default
    the former, if no workers read them. Raises ValueError for what cannot be dealt out.
    """
    here = processes.current()
    count = here.count if num_processes is None else num_processes
    index = here.index if process_index is None else process_index
    skip = 0
    if isinstance(dataloader, DataLoaderShard):
        if count > 1:
            raise ValueError("skip_first_batches() is for what prepare() returned, not before it")
        dataloader, skip = dataloader.original, dataloader.skip_batches
    iterable = isinstance(dataloader.dataset, IterableDataset)
    owner = dataloader if dataloader.batch_sampler is None else dataloader.batch_sampler
    source = getattr(owner, "sampler", owner)
    if dispatch_batches and iterable and dataloader.num_workers:
        raise ValueError("dispatch_batches=True: the main process reads, so num_workers must be 0")
    if count > 1 and isinstance(source, data.DistributedSampler):
        raise ValueError("the DistributedSampler deals out, and prepare() too: use a plain sampler")
    if use_seedable_sampler and isinstance(source, data.RandomSampler):
        seeds = [torch.initial_seed() if data_seed is None else data_seed]
        [seed] = operations.broadcast_object_list(seeds)
        given = (source.data_source, source.replacement, source._num_samples, source.generator)
        vars(owner)["sampler"] = source = SeedableRandomSampler(*given, data_seed=seed)
    if count > 1 and iterable:
        dispatch = not dataloader.num_workers if dispatch_batches is None else dispatch_batches
        size, last = dataloader.batch_size or 1, dataloader.drop_last
        place = (size, last, count, index, split_batches, dispatch)
        shard = IterableDatasetShard(dataloader.dataset, *place)
        turns = None if owner is dataloader else BatchSampler(source, shard.share, last)
        source, changes = shard.dataset, {"dataset": shard, "batch_sampler": turns}
        dataloader = _changed(dataloader, batch_size=shard.share, **changes)
    elif count > 1:
        if getattr(source, "generator", source) is None:  # a shuffle by torch's own generator
            seed = int(torch.empty((), dtype=torch.int64).random_().item())
            source.generator = torch.Generator().manual_seed(seed)
        name = "sampler" if owner is dataloader else "batch_sampler"
        dealing = (count, index, split_batches, even_batches, bool(dispatch_batches))
        dealt = BatchSamplerShard(getattr(dataloader, name), *dealing)
        dataloader = _changed(dataloader, **{name: dealt})
    generator = getattr(source, "generator", None) if count > 1 else None
    goal, rng_types = device if put_on_device else None, rng_types or []
    more = (generator, skip, gradient_state, non_blocking)
    return DataLoaderShard(dataloader, goal, rng_types, *more)


def skip_first_batches(dataloader: Any, num_batches: int = 0) -> Any:
    """``dataloader`` without its first batches, for the rest of an epoch after a checkpoint.

    What a sampler orders is not loaded. It shares the count of epochs with ``dataloader``.
    """
    shard = dataloader if isinstance(dataloader, DataLoaderShard) else DataLoaderShard(dataloader)
    skipped = copy.copy(shard)
    skipped.skip(num_batches)
    return skipped
