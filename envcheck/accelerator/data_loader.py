"""Dataloaders that deal out batches to processes, and know when an epoch ends and how to resume.

A prepared dataloader is a view of the original: class, workers and collation stay. Nothing is
loaded ahead where a sampler gives the order, so random numbers are drawn as in a plain loop.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, cycle, islice
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler, IterableDataset

from envcheck.accelerator import operations, processes
from envcheck.accelerator.processes import GradientState


@dataclass(eq=False)
class BatchSamplerShard(BatchSampler):
    """The batches of process ``process_index`` of ``num_processes``, out of ``batch_sampler``.

    Batches are dealt out in rounds, one for each process; with ``split_batches`` every batch is
    one round, cut in pieces. ``even_batches`` completes the last round with samples from the first
    one, so that all processes have as many and as large batches; without it, some have less.
    ``dispatch``: the main process reads for all. ``last``: size of the round that was read last.
    """

    batch_sampler: Any
    num_processes: int = 1
    process_index: int = 0
    split_batches: bool = False
    even_batches: bool = True
    dispatch: bool = False
    last: int = -1

    def __post_init__(self) -> None:
        self.batch_size: Any = getattr(self.batch_sampler, "batch_size", None)
        self.drop_last = getattr(self.batch_sampler, "drop_last", False)
        if self.split_batches and (not self.batch_size or self.batch_size % self.num_processes):
            raise ValueError(
                f"split_batches: the batch size ({self.batch_size}) is no multiple of the number "
                f"of processes ({self.num_processes})"
            )

    def __len__(self) -> int:
        whole, rest = divmod(len(self.batch_sampler), self.num_processes)
        if self.split_batches:
            return len(self.batch_sampler)
        if self.even_batches and not self.drop_last:
            return whole + bool(rest)
        return whole + (not self.drop_last and self.process_index < rest)

    def _rounds(self) -> Iterator[list[Any]]:
        count = 1 if self.split_batches else self.num_processes
        batches = iter(self.batch_sampler if not self.dispatch or self.process_index == 0 else ())
        while True:
            turn = list(islice(batches, count))
            if self.dispatch:
                turn = operations.broadcast_object_list([turn])[0]
            if not turn:
                return
            yield turn

    def __iter__(self) -> Iterator[Any]:
        """Without a batch size batches are of any length, and are dealt out and repeated whole."""
        whole = self.batch_size is None
        share = 1 if whole else self.batch_size // (self.num_processes if self.split_batches else 1)
        mine = slice(self.process_index * share, (self.process_index + 1) * share)
        first: list[Any] = []
        for turn in self._rounds():
            items = turn if whole else list(chain(*turn))
            first, self.last = first or items, len(items)
            if len(items) < share * self.num_processes:
                if self.drop_last:
                    return
                if self.even_batches:
                    items = list(islice(chain(items, cycle(first)), share * self.num_processes))
            if items[mine]:
                yield items[mine][0] if whole else items[mine]


class IterableDatasetShard(IterableDataset):
    """The samples of one process out of an iterable ``dataset``, which every process reads whole;
    with ``dispatch`` the main process reads it and sends all their samples.
    """

    def __init__(
        self, dataset: Any, batch_size: int = 1, drop_last: bool = False, num_processes: int = 1,
        process_index: int = 0, split_batches: bool = False, dispatch: bool = False,
    ) -> None:  # fmt: skip
        self.dataset = dataset
        self.batches = BatchSamplerShard(
            BatchSampler(dataset, batch_size, drop_last), num_processes, process_index,
            split_batches, dispatch=dispatch,
        )  # fmt: skip
        self.share = batch_size // num_processes if split_batches else batch_size

    def set_epoch(self, epoch: int) -> None:
        """Tell the dataset, or seed its generator."""
        if hasattr(self.dataset, "set_epoch"):
            self.dataset.set_epoch(epoch)
        elif isinstance(getattr(self.dataset, "generator", None), torch.Generator):
            self.dataset.generator.manual_seed(epoch)

    def __len__(self) -> int:
        return len(self.batches) * self.share

    def __iter__(self) -> Iterator[Any]:
        return chain.from_iterable(self.batches)


_END: Any = object()


@dataclass(eq=False)
class SkipBatchSampler(BatchSampler):
    """``batch_sampler`` without its first ``skip_batches``, read one ahead: ``total``, the number
    of the rest, is known before the last one is handed out.

    So the last batch is known as such before it is loaded, however wrong a sampler's length is.
    """

    batch_sampler: Any
    skip_batches: int = 0
    total: int | None = None
    _begun: Any = field(default=None, repr=False)

    def begin(self) -> None:
        """Draw the order and skip now, for the iteration that comes next."""
        batches = islice(iter(self.batch_sampler), self.skip_batches, None)
        self._begun = chain(list(islice(batches, 1)), batches)

    def __iter__(self) -> Iterator[Any]:
        if self._begun is None:
            self.begin()
        begun, self._begun, self.total = self._begun, None, None
        ahead, count = next(begun, _END), 0
        while ahead is not _END:
            batch, ahead, count = ahead, next(begun, _END), count + 1
            if ahead is _END:
                self.total = count
            yield batch

    def __len__(self) -> int:
        return max(len(self.batch_sampler) - self.skip_batches, 0)


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
    total_dataset_length = property(lambda self: len(self.dataset))

    @property
    def total_batch_size(self) -> int | None:
        """Samples in one round of all processes; None where batches have no fixed size."""
        shard = getattr(self.dealt, "batches", self.dealt)
        size = getattr(shard, "batch_size", None) or self.base_dataloader.batch_size
        split = getattr(shard, "split_batches", False) or size is None
        return size if split else size * getattr(shard, "num_processes", 1)

    def set_epoch(self, epoch: int) -> None:
        """Tell the samplers and the dataset which epoch it is."""
        self.progress.epoch = epoch
        for told in self._sources():
            if hasattr(told, "set_epoch"):
                told.set_epoch(epoch)

    def _sources(self) -> list[Any]:
        """The dataset, what deals out, and inside that what it deals out from."""
        found, inner = [self.dataset], self.dealt if self._ahead else None
        while inner is not None:
            found.append(inner)
            inner = getattr(inner, "batch_sampler", None) or getattr(inner, "sampler", None)
        return found

    def __iter__(self) -> Iterator[Any]:
        progress, references = self.progress, self.gradient_state.dataloader_references
        operations.synchronize_rng_states(self.rng_types, self.synchronized_generator)
        if progress.ended and not self.skip_batches:  # a checkpoint of the end of an epoch
            progress.set(epoch=progress.epoch + 1)
        self.set_epoch(progress.epoch)
        self._measure()
        batches = self._begin()
        ahead = self._ahead or batches
        progress.batches, self.end_of_dataloader = self.skip_batches, False
        references.append(self)
        try:
            for number, batch in enumerate(batches, start=1):
                self.end_of_dataloader = ahead.total == number
                if not self._ahead:
                    self._compare_ends()
                progress.batches, progress.ended = progress.batches + 1, self.end_of_dataloader
                if self.device is not None:
                    batch = operations.send_to_device(batch, self.device, self.non_blocking)
                yield batch
        finally:
            references.remove(self)
        if not progress.batches and not self.uneven:
            raise ValueError(f"the dataloader of {type(self.dataset).__name__} has no batches")
        progress.set(epoch=progress.epoch + 1)

    def _begin(self) -> Any:
        """The iterator of this epoch, past what is to be skipped.

        After a checkpoint was loaded the order is drawn as it was when that epoch began, and the
        generators are left as the checkpoint has them.
        """
        progress = self.progress
        generators = [
            getattr(place, "generator", None) for place in (self.base_dataloader, *self._sources())
        ]
        start = progress.start if progress.resumed else None
        if start and progress.batches != self.skip_batches:
            start = None
            warnings.warn(
                f"the checkpoint is from {progress.batches} batches into an epoch, and they come "
                f"again: iterate skip_first_batches(dataloader, {progress.batches}) first",
                stacklevel=3,
            )
        now = operations.capture(() if start else generators)
        if start:
            operations.restore(start, generators)
        progress.start, progress.resumed = start or now, False
        batches: Any = iter(self.base_dataloader)
        ahead = self._ahead or SkipBatchSampler(batches, self.skip_batches)
        if not self._ahead or not self.num_workers:  # workers have begun it by themselves
            ahead.begin()
        if start:
            operations.restore(now)
        return batches if self._ahead else ahead

    def _measure(self) -> None:
        """How many samples the last round has, and whether all processes have as many batches.

        Raises ValueError if they were to have, and have not.
        """
        size, sources = self.total_batch_size, self._sources()
        self.remainder = -1
        if size and not self.base_dataloader.drop_last and hasattr(sources[-1], "__len__"):
            try:
                self.remainder = len(getattr(sources[-1], "dataset", sources[-1])) % size
            except TypeError:  # an iterable dataset that does not say
                self.remainder = -1
        if processes.current().count > 1 and self._ahead and hasattr(sources[-1], "__len__"):
            counts = operations.gather_object([len(self)])
            self.uneven = len(set(counts)) > 1
            if self.uneven and getattr(self.dealt, "even_batches", True):
                raise ValueError(
                    f"the processes have unequal numbers of batches, by rank {counts}: they would "
                    "wait for each other for ever. Give every process the same dataset."
                )

    def _compare_ends(self) -> None:
        """Raises ValueError if an iterable dataset ends here and goes on elsewhere."""
        ends = operations.gather_object([self.end_of_dataloader])
        if len(set(ends)) > 1:
            raise ValueError(
                f"the iterable dataset ends on ranks {[r for r, end in enumerate(ends) if end]} "
                "and goes on elsewhere: they would wait for each other for ever"
            )
        if ends[0] and not self.num_workers and not self.base_dataloader.drop_last:
            self.remainder = getattr(getattr(self.dataset, "batches", None), "last", -1)


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
    here = processes.current()
    count = here.count if num_processes is None else num_processes
    index = here.index if process_index is None else process_index
    iterable = isinstance(dataloader.dataset, IterableDataset)
    if dispatch_batches and (not iterable or dataloader.num_workers):
        raise ValueError("dispatch_batches=True is for iterable datasets without workers")
    source = getattr(dataloader.batch_sampler, "sampler", dataloader.sampler)
    if count > 1 and isinstance(source, DistributedSampler):
        raise ValueError("the DistributedSampler deals out, and prepare() too: use a plain sampler")
    if count > 1 and iterable:
        source = dataloader.dataset
        dispatch = not dataloader.num_workers if dispatch_batches is None else dispatch_batches
        size, last = dataloader.batch_size or 1, dataloader.drop_last
        shard = IterableDatasetShard(source, size, last, count, index, split_batches, dispatch)
        dataloader = _changed(dataloader, dataset=shard, batch_size=shard.share)
    elif count > 1:
        if getattr(source, "generator", source) is None:  # a shuffle by torch's own generator
            seed = int(torch.empty((), dtype=torch.int64).random_().item())
            source.generator = torch.Generator().manual_seed(seed)
        name = "sampler" if dataloader.batch_sampler is None else "batch_sampler"
        given = getattr(dataloader, name)
        dealt = BatchSamplerShard(given, count, index, split_batches, even_batches)
        dataloader = _changed(dataloader, **{name: dealt})
    generator = getattr(source, "generator", None) if count > 1 else None
    state = gradient_state or GradientState()
    place = device if put_on_device else None
    return DataLoaderShard(dataloader, place, rng_types or (), generator, 0, state, non_blocking)


def skip_first_batches(dataloader: Any, num_batches: int = 0) -> Any:
    """``dataloader`` without its first batches, for the rest of an epoch after a checkpoint.

    What a sampler orders is not loaded. It shares the count of epochs with ``dataloader``.
    """
    shard = dataloader if isinstance(dataloader, DataLoaderShard) else DataLoaderShard(dataloader)
    skipped = copy.copy(shard)
    skipped.skip_batches = num_batches
    skipped.__post_init__()
    return skipped
