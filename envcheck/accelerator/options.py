"""What an ``Accelerator`` can be told beyond plain arguments; names and defaults of Accelerate."""

from __future__ import annotations

from dataclasses import InitVar, dataclass
from typing import Any


@dataclass
class DataLoaderConfiguration:
    """How prepared dataloaders deal out batches."""

    split_batches: bool = False
    dispatch_batches: bool | None = None
    even_batches: bool = True
    use_seedable_sampler: bool = False
    data_seed: int | None = None
    non_blocking: bool = False
    use_stateful_dataloader: InitVar[bool] = False

    def __post_init__(self, use_stateful_dataloader: bool) -> None:
        if use_stateful_dataloader:
            text = "use_stateful_dataloader=True is not done here: save_state() keeps the place in"
            raise ValueError(f"{text} an epoch, and skip_first_batches() goes there")


@dataclass
class ProjectConfiguration:
    """Where ``save_state`` writes if nobody says where, and how many checkpoints are kept."""

    project_dir: str | None = None
    automatic_checkpoint_naming: bool = False
    total_limit: int | None = None
    iteration: int = 0
    save_on_each_node: bool = False


class KwargsHandler:
    """Keywords for a class or function of torch's, which checks them."""

    def __init__(self, **keywords: Any) -> None:
        self.__dict__.update(keywords)


class AutocastKwargs(KwargsHandler):
    """Of ``torch.autocast``."""


class GradScalerKwargs(KwargsHandler):
    """Of ``torch.amp.GradScaler``."""


class DistributedDataParallelKwargs(KwargsHandler):
    """Of ``torch.nn.parallel.DistributedDataParallel``."""


class InitProcessGroupKwargs(KwargsHandler):
    """Of ``torch.distributed.init_process_group``; its ``timeout`` is for one collective."""
