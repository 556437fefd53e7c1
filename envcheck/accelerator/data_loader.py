"""Dataloaders that deal out batches to processes, and know when an epoch ends and how to resume.

A prepared dataloader is a view of the original: class, workers and collation stay. Nothing is
loaded ahead where a sampler gives the order, so random numbers are drawn as in a plain loop.
"""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, IterableDataset

from envcheck.accelerator import operations, process, seeding
from envcheck.accelerator.sharding import SkipBatchSampler
from envcheck.accelerator.state import GradientState

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    """``dataset``, a dataloader or what one is made of, with batches on ``device``.

    ``end_of_dataloader`` is true from before the last batch; ``remainder``: see GradientState.
    ``uneven``: some process has more batches than another.
    """

    def __init__(
        self, dataset: Any, device: Any = None, rng_types: list[str] | None = None,
        synchronized_generator: torch.Generator | None = None, skip_batches: int = 0,
        gradient_state: GradientState | None = None, non_blocking: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        base = dataset if isinstance(dataset, DataLoader) else DataLoader(dataset, **kwargs)
        self.base_dataloader = base
        self.device = device
        self.rng_types = rng_types
        self.synchronized_generator = synchronized_generator
        self.gradient_state = gradient_state or GradientState()
        self.non_blocking = non_blocking
        self.progress = Progress()
        self.end_of_dataloader, self.remainder, self.uneven = False, -1, False
        self._skip(skip_batches)

    def _skip(self, count: int) -> None:
        """Read the sampler, if there is one, ahead and from batch ``count`` on."""
        self.skip_batches = count
        self._ahead: SkipBatchSampler | None = None
        if not isinstance(self.base_dataloader.dataset, IterableDataset):
            name = sampler_name(self.base_dataloader)
            self.__dict__.setdefault(name, getattr(self.base_dataloader, name))
            self._ahead = SkipBatchSampler(getattr(self, name), count)
            self.base_dataloader = changed(self.base_dataloader, **{name: self._ahead})

    def __getattr__(self, name: str) -> Any:
        if name == "base_dataloader":  # not there yet, as in a copy
            raise AttributeError(name)
        return getattr(self.base_dataloader, name)

    def __len__(self) -> int:
        return len(self.base_dataloader)

    iteration = property(lambda self: self.progress.epoch)
    total_dataset_length = property(
        lambda self: getattr(self.dataset, "total_length", None) or len(self.dataset)
    )

    @property
    def total_batch_size(self) -> int | None:
        """Samples in one round of all processes; None where batches have no fixed size."""
        dealt = getattr(self, sampler_name(self), None)
        size = getattr(dealt, "batch_size", None) or self.base_dataloader.batch_size
        whole = getattr(dealt, "split_batches", False) or size is None
        return size if whole else size * getattr(dealt, "num_processes", 1)

    def set_epoch(self, epoch: int) -> None:
        """Tell the samplers and the dataset which epoch it is."""
        self.progress.epoch = epoch
        told: Any = getattr(self, sampler_name(self), None)
        while told is not None:
            if hasattr(told, "set_epoch"):
                told.set_epoch(epoch)
            told = getattr(told, "batch_sampler", None) or getattr(told, "sampler", None)
        if hasattr(self.dataset, "set_epoch"):
            self.dataset.set_epoch(epoch)

    def __iter__(self) -> Iterator[Any]:
        progress, references = self.progress, self.gradient_state.dataloader_references
        if self.rng_types:
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
            for batch in self._marked(batches):
                progress.batches += 1
                progress.ended = self.end_of_dataloader
                yield batch
        finally:
            references.remove(self)
        if not progress.batches:
            raise ValueError(
                f"the dataloader has no batches: its dataset ({type(self.dataset).__name__}) is "
                "empty, or smaller than one batch with drop_last=True"
            )
        progress.set(epoch=progress.epoch + 1)

    def _marked(self, batches: Iterator[Any]) -> Iterator[Any]:
        """The batches on the device, ``end_of_dataloader`` set before the last one is yielded."""
        ahead = self._ahead
        for number, batch in enumerate(batches if ahead else self._unknown(batches), start=1):
            if ahead is not None and ahead.total == number:
                self.end_of_dataloader = True
            if self.device is not None:
                batch = operations.send_to_device(batch, self.device, self.non_blocking)
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
                    "and goes on elsewhere: they would wait for each other for ever. Make it as "
                    "long everywhere, or use dispatch_batches=True."
                )
            yield held.pop(0)

    def _begin(self) -> Iterator[Any]:
        """The iterator of this epoch, past what is to be skipped.

        After a checkpoint was loaded the order is drawn as it was when that epoch began, and the
        generators are left as the checkpoint has them.
        """
        progress, generators = self.progress, self._generators()
        again = progress.resumed and progress.start and progress.batches == self.skip_batches
        if progress.resumed and progress.batches and not again:
            warnings.warn(
                f"the checkpoint was saved after {progress.batches} batches of this epoch: the "
                f"same data comes again, unless skip_first_batches(dataloader, {progress.batches}) "
                "is iterated first",
                stacklevel=4,
            )
        now = seeding.capture(generators if not again else ())
        if again and progress.start:
            seeding.restore(progress.start, generators)
        else:
            progress.start = now
        progress.resumed = False
        batches = iter(self.base_dataloader)
        if self._ahead is not None:
            self._ahead.begin()
        elif self.skip_batches:
            batches = islice(batches, self.skip_batches, None)
            batches = chain(list(islice(batches, 1)), batches)
        if again:
            seeding.restore(now)
        return batches

    def _generators(self) -> list[torch.Generator]:
        dealt = getattr(self, sampler_name(self), None)
        inner = getattr(dealt, "batch_sampler", dealt)
        places = (self.base_dataloader, inner, getattr(inner, "sampler", None), self.dataset)
        found = [getattr(place, "generator", None) for place in places]
        return list({id(one): one for one in found if isinstance(one, torch.Generator)}.values())

    def _samples_of_last_round(self) -> int:
        size = self.total_batch_size
        if getattr(self.base_dataloader, "drop_last", False) or not size:
            return -1
        dealt = getattr(self, sampler_name(self), None)
        sampler = getattr(getattr(dealt, "batch_sampler", dealt), "sampler", None)
        try:
            return len(sampler if sampler is not None else self.dataset) % size
        except TypeError:
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
        if self.uneven and getattr(getattr(self, sampler_name(self)), "even_batches", True):
            raise ValueError(
                f"the dataloader has unequal numbers of batches on the processes, by rank {counts}:"
                " they would wait for each other for ever. Give every process the same dataset."
            )


def sampler_name(loader: Any) -> str:
    """The attribute that has the order of the batches."""
    return "sampler" if loader.batch_sampler is None else "batch_sampler"


def changed(loader: Any, **values: Any) -> Any:
    """A copy of ``loader`` with another sampler or dataset, which it forbids to set."""
    other = copy.copy(loader)
    other.__dict__.update(values, _iterator=None)
    return other


def skip_first_batches(dataloader: Any, num_batches: int = 0) -> Any:
    """``dataloader`` without its first batches, for the rest of an epoch after a checkpoint.

    What a sampler orders is not loaded. It shares the count of epochs with ``dataloader``.
    """
    shard = dataloader if isinstance(dataloader, DataLoaderShard) else DataLoaderShard(dataloader)
    skipped = copy.copy(shard)
    skipped._skip(num_batches)
    return skipped
