"""Which samples belong to which process: samplers that deal out, skip and repeat exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, cycle, islice
from typing import Any

import torch
from torch.utils import data
from torch.utils.data import BatchSampler, IterableDataset

from envcheck.accelerator import operations


class SeedableRandomSampler(data.RandomSampler):
    """Shuffles by ``data_seed``, by default that of torch, plus the number of the epoch."""

    def __init__(self, *args: Any, data_seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial_seed = torch.initial_seed() if data_seed is None else data_seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        self.generator: Any = self.generator or torch.Generator()
        self.generator.manual_seed(self.initial_seed + self.epoch)
        yield from super().__iter__()
        self.set_epoch(self.epoch + 1)


@dataclass(eq=False)
class BatchSamplerShard(BatchSampler):
    """The batches of process ``process_index`` of ``num_processes``, out of ``batch_sampler``.

    Batches are dealt out in rounds, one for each process; with ``split_batches`` every batch is
    one round, cut in pieces. ``even_batches`` completes the last round with samples from the first
    one, so that all processes have as many and as large batches; without it, some have less.
    ``dispatch``: the main process reads for all, and a last round that is smaller is shared evenly.
    ``last``: samples of the round that was read last, 0 if it was complete and -1 if unknown;
    ``full``: when it was completed.
    """

    batch_sampler: Any
    num_processes: int = 1
    process_index: int = 0
    split_batches: bool = False
    even_batches: bool = True
    dispatch: bool = False
    last: int = -1
    full: int = -1

    def __post_init__(self) -> None:
        self.batch_size: Any = getattr(self.batch_sampler, "batch_size", None)
        self.drop_last = getattr(self.batch_sampler, "drop_last", False)
        if self.split_batches and (not self.batch_size or self.batch_size % self.num_processes):
            text = f"the batch size ({self.batch_size}) is no round multiple of the number of"
            raise ValueError(f"split_batches: {text} processes ({self.num_processes})")

    def __len__(self) -> int:
        if self.split_batches:
            return len(self.batch_sampler)
        whole, rest = divmod(len(self.batch_sampler), self.num_processes)
        least = 1 if self.even_batches else self.process_index + 1
        return whole + (rest >= least and not self.drop_last)

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
        count, whole = self.num_processes, self.batch_size is None
        share = 1 if whole else self.batch_size // (count if self.split_batches else 1)
        first: list[Any] = []
        self.last, short = 0, False
        for turn in self._rounds():
            items = turn if whole else list(chain(*turn))
            if not whole and (short or max(map(len, turn)) > self.batch_size):
                text = f"the batch sampler has batches that are not of its size, {self.batch_size}"
                raise ValueError(f"{text}: leave batch_size away, and they are dealt out whole")
            short = len(items) < share * count
            if short and self.drop_last:
                continue  # to its end, if it is that
            first, self.last = first or items, 0
            if short:
                self.last = -1 if whole else len(items)
                if self.dispatch:
                    share = -(-len(items) // count)
                self.full = share * count
                if self.even_batches:
                    items = list(islice(chain(items, cycle(first)), share * count))
            mine = items[self.process_index * share :][:share]
            if mine:
                yield mine[0] if whole else mine


class IterableDatasetShard(IterableDataset):
    """The samples of one process out of an iterable ``dataset``, which every process reads whole;
    with ``dispatch`` the main process reads it and sends all their samples.
    """

    def __init__(
        self, dataset: Any, batch_size: int = 1, drop_last: bool = False, num_processes: int = 1,
        process_index: int = 0, split_batches: bool = False, dispatch: bool = False,
    ) -> None:  # fmt: skip
        self.dataset, batches = dataset, BatchSampler(dataset, batch_size, drop_last)
        place = (num_processes, process_index, split_batches)
        self.batches = BatchSamplerShard(batches, *place, dispatch=dispatch)
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
