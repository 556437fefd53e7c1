"""The reference accelerator: a small, exact training helper with the names of Accelerate.

It can be read in one sitting: ``accelerator.py`` first, then what it stands on. Torch and the
standard library only. A program written for Accelerate changes its import lines to this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envcheck.accelerator.accelerator import Accelerator as Accelerator
    from envcheck.accelerator.operations import set_seed as set_seed
    from envcheck.accelerator.processes import PartialState as PartialState

#: module -> the public names in it, which are loaded when they are used
_NAMES = {
    "accelerator": "Accelerator",
    "config": "write_basic_config",
    "data_loader": "BatchSamplerShard DataLoaderDispatcher DataLoaderShard DataLoaderStateMixin "
    "IterableDatasetShard SeedableRandomSampler SkipBatchSampler SkipDataLoader "
    "prepare_data_loader skip_first_batches",
    "launchers": "notebook_launcher debug_launcher",
    "operations": "broadcast broadcast_object_list convert_to_fp32 gather gather_object "
    "honor_type is_namedtuple is_torch_tensor pad_across_processes recursively_apply reduce "
    "send_to_device set_seed slice_tensors synchronize_rng_states",
    "options": "AutocastKwargs DataLoaderConfiguration DistributedDataParallelKwargs "
    "GradScalerKwargs InitProcessGroupKwargs ProjectConfiguration",
    "processes": "AcceleratorState DistributedType GradientAccumulationPlugin GradientState "
    "PartialState",
    "stepping": "AcceleratedOptimizer AcceleratedScheduler",
}
_PLACES = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
