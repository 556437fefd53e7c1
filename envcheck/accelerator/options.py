"""What an ``Accelerator`` can be told beyond plain arguments; names and defaults of Accelerate."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import timedelta


@dataclass
class DataLoaderConfiguration:
    """How prepared dataloaders deal out batches. ``dispatch_batches`` None: iterables only."""

    split_batches: bool = False
    dispatch_batches: bool | None = None
    even_batches: bool = True
    use_seedable_sampler: bool = False
    data_seed: int | None = None
    non_blocking: bool = False


@dataclass
class ProjectConfiguration:
    """Where ``save_state`` writes if nobody says where, and how many checkpoints are kept."""

    project_dir: str | None = None
    logging_dir: str | None = None
    automatic_checkpoint_naming: bool = False
    total_limit: int | None = None
    iteration: int = 0
    save_on_each_node: bool = False


@dataclass
class GradientAccumulationPlugin:
    """``num_steps`` batches make one step. ``sync_with_dataloader``: the last batch steps too."""

    num_steps: int = 1
    adjust_scheduler: bool = True
    sync_with_dataloader: bool = True
    sync_each_batch: bool = False


@dataclass
class KwargsHandler:
    """Keywords for a class of torch's."""

    def to_kwargs(self) -> dict[str, Any]:
        """Those that differ from their defaults."""
        pairs = ((field, getattr(self, field.name)) for field in fields(self))
        return {field.name: value for field, value in pairs if value != field.default}


@dataclass
class AutocastKwargs(KwargsHandler):
    """Of ``torch.autocast``."""

    enabled: bool = True
    cache_enabled: bool | None = None


@dataclass
class GradScalerKwargs(KwargsHandler):
    """Of ``torch.amp.GradScaler``."""

    init_scale: float = 65536.0
    growth_factor: float = 2.0
    backoff_factor: float = 0.5
    growth_interval: int = 2000
    enabled: bool = True


@dataclass
class DistributedDataParallelKwargs(KwargsHandler):
    """Of ``torch.nn.parallel.DistributedDataParallel``."""

    dim: int = 0
    broadcast_buffers: bool = True
    bucket_cap_mb: int = 25
    find_unused_parameters: bool = False
    check_reduction: bool = False
    gradient_as_bucket_view: bool = False
    static_graph: bool = False


@dataclass
class InitProcessGroupKwargs(KwargsHandler):
    """Of ``torch.distributed.init_process_group``; ``timeout`` is for one collective."""

    backend: str | None = None
    init_method: str | None = None
    timeout: timedelta | None = None


@dataclass
class FullyShardedDataParallelPlugin:
    """Shard parameters with ``fully_shard``: the root, and each module of a class named here."""

    transformer_cls_names_to_wrap: tuple[str, ...] = ()
    reshard_after_forward: bool = True
