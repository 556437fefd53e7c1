"""Dataloaders that deal out batches to processes, and know when an epoch ends and how to resume.

A prepared dataloader is a view of the original: class, workers and collation stay. Nothing is
loaded ahead where a sampler gives the order, so random numbers are drawn as in a plain loop.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

import torch
from torch.utils.data import DataLoader, DistributedSampler, IterableDataset

from envcheck.accelerator import operations, process, seeding
from envcheck.accelerator.sharding import BatchSamplerShard, IterableDatasetShard, SkipBatchSampler
from envcheck.accelerator.state import GradientState


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


@dataclass(eq=False)
class DataLoaderShard(DataLoader):
    """``base_dataloader`` with batches on ``device``, the first ``skip_batches`` left out.

    ``end_of_dataloader`` is true from before the last batch; ``remainder``: see GradientState.
    ``uneven``: some process has more batches than another.
    """

    base_dataloader: Any
    device: Any = None
    rng_types: Any = ()
    synchronized_generator: torch.Generator | None = None
    skip_batches: int = 0
    gradient_state: GradientState = field(default_factory=GradientState)
    non_blocking: bool = False
    progress: Progress = field(default_factory=Progress)
    end_of_dataloader: bool = False
    remainder: int = -1
    uneven: bool = False

    def __post_init__(self) -> None:
        """Read the sampler, if there is one, ahead."""
        base = self.base_dataloader
        self._ahead: Any = None
        if not isinstance(base.dataset, IterableDataset):
            name = "sampler" if base.batch_sampler is None else "batch_sampler"
            self.__dict__.setdefault(name, getattr(base, name))
            self._ahead = SkipBatchSampler(getattr(self, name), self.skip_batches)
            self.base_dataloader = _changed(base, **{name: self._ahead})

    def __getattr__(self, name: str) -> Any:
        if name == "base_dataloader":  # not there yet, as in a copy
            raise AttributeError(name)
        return getattr(self.base_dataloader, name)

    def __len__(self) -> int:
        return len(self.base_dataloader)

    iteration = property(lambda self: self.progress.epoch)
    #: what deals out: a batch sampler, a sampler, an iterable dataset
    dealt = property(lambda self: self._ahead.batch_sampler if self._ahead else self.dataset)
    total_dataset_length = property(
        lambda self: getattr(self.dataset, "total_length", None) or len(self.dataset)
    )

    @property
    def total_batch_size(self) -> int | None:
        """Samples in one round of all processes; None where batches have no fixed size."""
        shard = getattr(self.dealt, "batches", self.dealt)
        size = getattr(shard, "batch_size", None) or self.base_dataloader.batch_size
        if getattr(shard, "split_batches", False) or size is None:
            return size
        return int(size * getattr(shard, "num_processes", 1))

    def set_epoch(self, epoch: int) -> None:
        """Tell the samplers and the dataset which epoch it is."""
        self.progress.epoch = epoch
        for told in (*self._samplers(), self.dataset):
            if hasattr(told, "set_epoch"):
                told.set_epoch(epoch)

    def _samplers(self) -> list[Any]:
        """Those that deal out, and inside them those that they deal out from."""
        found = [self.dealt] if self._ahead else []
        while found and (
            inner := getattr(found[-1], "batch_sampler", None)
            or getattr(found[-1], "sampler", None)
        ):
            found.append(inner)
        return found

    def __iter__(self) -> Iterator[Any]:
        progress, references = self.progress, self.gradient_state.dataloader_references
        seeding.synchronize_rng_states(self.rng_types, self.synchronized_generator)
        if progress.ended and not self.skip_batches:  # a checkpoint of the end of an epoch
            progress.set(epoch=progress.epoch + 1)
        self.end_of_dataloader, self.remainder = False, self._samples_of_last_round()
        self.set_epoch(progress.epoch)
        self._compare_lengths()
        batches = self._begin()
        progress.batches = self.skip_batches
        references.append(self)
        try:
            for batch in self._marked(batches) if self._ahead else self._unknown(batches):
                progress.batches += 1
                progress.ended = self.end_of_dataloader
                if self.device is not None:
                    batch = operations.send_to_device(batch, self.device, self.non_blocking)
                yield batch
        finally:
            references.remove(self)
        if not progress.batches and not self.uneven:
            raise ValueError(
                f"the dataloader has no batches: its dataset ({type(self.dataset).__name__}) is "
                "empty, or smaller than one batch with drop_last=True"
            )
        progress.set(epoch=progress.epoch + 1)

    def _marked(self, batches: Iterator[Any]) -> Iterator[Any]:
        """The last one is known by its number."""
        for number, batch in enumerate(batches, start=1):
            self.end_of_dataloader = self._ahead.total == number
            yield batch

    def _unknown(self, batches: Iterator[Any]) -> Iterator[Any]:
        """One batch ahead; the processes agree each time on whether there is another one."""
        held = list(islice(batches, 1))
        while held:
            held += islice(batches, 1)
            self.end_of_dataloader = len(held) == 1
            ends = operations.gather_object([self.end_of_dataloader])
            if len(set(ends)) > 1:
                raise ValueError(
                    f"the iterable dataset ends on ranks {[r for r, e in enumerate(ends) if e]} "
                    "and goes on elsewhere: they would wait for each other for ever"
                )
            if ends[0] and hasattr(self.dataset, "batches") and not self.num_workers:
                self.remainder = self.dataset.batches.last
            yield held.pop(0)

    def _begin(self) -> Iterator[Any]:
        """The iterator of this epoch, past what is to be skipped.

        After a checkpoint was loaded the order is drawn as it was when that epoch began, and the
        generators are left as the checkpoint has them.
        """
        progress = self.progress
        places = (self.base_dataloader, *self._samplers(), self.dataset)
        generators = [getattr(place, "generator", None) for place in places]
        again = progress.resumed and progress.start and progress.batches == self.skip_batches
        if progress.resumed and progress.batches and not again:
            warnings.warn(
                f"the checkpoint is from {progress.batches} batches into an epoch, and they come "
                f"again: iterate skip_first_batches(dataloader, {progress.batches}) first",
                stacklevel=4,
            )
        now = seeding.capture([] if again else generators)
        if again and progress.start:
            seeding.restore(progress.start, generators)
        else:
            progress.start = now
        progress.resumed = False
        batches = iter(self.base_dataloader)
        if self._ahead is None:
            batches = islice(batches, self.skip_batches, None)
            batches = chain(list(islice(batches, 1)), batches)
        elif not self.num_workers:  # they begin by themselves
            self._ahead.begin()
        if again:
            seeding.restore(now)
        return batches

    def _samples_of_last_round(self) -> int:
        """Samples of the last round before it is completed: 0 if it is full, -1 if unknown."""
        size = self.total_batch_size
        if getattr(self.base_dataloader, "drop_last", False) or not size:
            return -1
        try:
            return len(self._samplers()[-1] if self._ahead else self.dataset.dataset) % size
        except (TypeError, AttributeError):
            return -1

    def _compare_lengths(self) -> None:
        """Raises ValueError if processes were to have even numbers of batches and have not."""
        if self._ahead is None or process.current().count == 1:
            return
        try:
            counts = operations.gather_object([len(self)])
        except TypeError:  # a sampler without a length
            return
        self.uneven = len(set(counts)) > 1
        if self.uneven and getattr(self.dealt, "even_batches", True):
            raise ValueError(
                f"the processes have unequal numbers of batches, by rank {counts}: they would wait "
                "for each other for ever. Give every process the same dataset."
            )


def _changed(loader: Any, **values: Any) -> Any:
    """A copy of ``loader`` with another sampler or dataset, which it forbids to set."""
    other = copy.copy(loader)
    other.__dict__.update(values, _iterator=None)
    return other


def prepare_data_loader(
    dataloader: Any, device: Any = None, num_processes: int | None = None,
    process_index: int | None = None, split_batches: bool = False, put_on_device: bool = False,
    rng_types: list[str] | None = None, dispatch_batches: bool | None = None,
    even_batches: bool = True, non_blocking: bool = False,
    gradient_state: GradientState | None = None,
) -> DataLoaderShard:  # fmt: skip
    """``dataloader`` for this process: its part of the data, on ``device`` if ``put_on_device``.

    ``dispatch_batches`` (of iterable datasets; by default if no workers read them): the main
    process reads for all. Raises ValueError for what cannot be dealt out.
    """
    here = process.current()
    count = here.count if num_processes is None else num_processes
    index = here.index if process_index is None else process_index
    iterable = isinstance(dataloader.dataset, IterableDataset)
    if dispatch_batches and (not iterable or dataloader.num_workers):
        raise ValueError("dispatch_batches=True is for iterable datasets without workers")
    sampler = getattr(dataloader.batch_sampler, "sampler", dataloader.sampler)
    if count > 1 and isinstance(sampler, DistributedSampler):
        raise ValueError(
            "the dataloader has a DistributedSampler, and prepare() deals out once more: each "
            "process would see a part of its part. Give it a plain sampler."
        )
    generator = None
    if count > 1 and iterable:
        dispatch = not dataloader.num_workers if dispatch_batches is None else dispatch_batches
        shard = IterableDatasetShard(
            dataloader.dataset, dataloader.batch_size or 1, dataloader.drop_last, count, index,
            split_batches, dispatch,
        )  # fmt: skip
        generator = getattr(dataloader.dataset, "generator", None)
        dataloader = _changed(dataloader, dataset=shard, batch_size=shard.share)
    elif count > 1:
        if hasattr(sampler, "generator"):
            if sampler.generator is None:
                seed = int(torch.empty((), dtype=torch.int64).random_().item())
                sampler.generator = torch.Generator().manual_seed(seed)
            generator = sampler.generator
        name = "sampler" if dataloader.batch_sampler is None else "batch_sampler"
        given = getattr(dataloader, name)
        dealt = BatchSamplerShard(given, count, index, split_batches, even_batches)
        dataloader = _changed(dataloader, **{name: dealt})
    return DataLoaderShard(
        dataloader, device if put_on_device else None, rng_types or (), generator, 0,
        gradient_state or GradientState(), non_blocking,
    )  # fmt: skip


def skip_first_batches(dataloader: Any, num_batches: int = 0) -> Any:
    """``dataloader`` without its first batches, for the rest of an epoch after a checkpoint.

    What a sampler orders is not loaded. It shares the count of epochs with ``dataloader``.
    """
    shard = dataloader if isinstance(dataloader, DataLoaderShard) else DataLoaderShard(dataloader)
    skipped = copy.copy(shard)
    skipped.skip_batches = num_batches
    skipped.__post_init__()
    return skipped
