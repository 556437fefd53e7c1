"""The names that programs written for Accelerate import are there, where they look for them."""

from __future__ import annotations

import os
from importlib import import_module

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

NAMES = {
    "": "Accelerator PartialState AcceleratorState GradientState DistributedType "
    "DataLoaderConfiguration ProjectConfiguration GradientAccumulationPlugin GradScalerKwargs "
    "AutocastKwargs DistributedDataParallelKwargs InitProcessGroupKwargs notebook_launcher "
    "debug_launcher skip_first_batches prepare_data_loader BatchSamplerShard IterableDatasetShard "
    "DataLoaderShard DataLoaderDispatcher SkipBatchSampler SkipDataLoader SeedableRandomSampler "
    "set_seed write_basic_config",
    ".utils": "set_seed synchronize_rng_states gather gather_object broadcast reduce "
    "broadcast_object_list pad_across_processes pad_input_tensors concatenate send_to_device "
    "recursively_apply convert_to_fp32 convert_outputs_to_fp32 find_device listify honor_type "
    "is_namedtuple extract_model_from_parallel save patch_environment is_bf16_available "
    "find_executable_batch_size write_basic_config find_batch_size slice_tensors",
    ".state": "AcceleratorState GradientState PartialState DistributedType",
    ".optimizer": "AcceleratedOptimizer",
    ".scheduler": "AcceleratedScheduler",
    ".data_loader": "prepare_data_loader skip_first_batches BatchSamplerShard",
}
METHODS = """prepare prepare_model prepare_optimizer prepare_scheduler prepare_data_loader backward
accumulate no_sync trigger_sync_in_backward autocast clip_grad_norm_ clip_grad_value_ gather
unscale_gradients gather_for_metrics reduce broadcast pad_across_processes split_between_processes
wait_for_everyone print on_main_process on_local_main_process on_last_process on_process
on_local_process main_process_first local_main_process_first unwrap_model get_state_dict save
save_model save_state load_state register_for_checkpointing register_save_state_pre_hook
register_load_state_pre_hook skip_first_batches free_memory clear set_trigger check_trigger
end_training join_uneven_inputs device state distributed_type num_processes process_index
local_process_index is_main_process is_local_main_process is_last_process use_distributed
mixed_precision scaler sync_gradients gradient_accumulation_steps gradient_state step split_batches
even_batches dispatch_batches project_dir save_iteration optimizer_step_was_skipped"""


@pytest.fixture(autouse=True)
def nothing_remembered():
    from envcheck.accelerator import AcceleratorState

    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module in NAMES for name in NAMES[module].split()]
)
def test_it_is_where_accelerate_has_it(module, name):
    assert getattr(import_module(f"envcheck.accelerator{module}"), name) is not None


@pytest.mark.parametrize("name", METHODS.split())
def test_an_accelerator_has_it(name):
    from envcheck.accelerator import Accelerator

    assert hasattr(Accelerator(cpu=True), name)


def test_what_does_not_fit_is_tried_smaller():
    from envcheck.accelerator.utils import find_executable_batch_size

    tried = []

    @find_executable_batch_size(starting_batch_size=16)
    def train(size, wanted):
        tried.append(size)
        if size > wanted:
            raise RuntimeError("CUDA out of memory")
        return size

    assert train(4) == 4
    assert tried == [16, 8, 4]
    with pytest.raises(RuntimeError, match="reached zero"):
        train(0)
    with pytest.raises(ValueError, match="mine"):
        find_executable_batch_size(lambda _size: int("mine"))()


def test_variables_come_back():
    from envcheck.accelerator.utils import patch_environment

    os.environ["KEPT"] = "before"

    def patched():
        with patch_environment(kept=1, new=2):
            assert (os.environ["KEPT"], os.environ["NEW"]) == ("1", "2")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        patched()
    assert os.environ.pop("KEPT") == "before"
    assert "NEW" not in os.environ


def test_inputs_are_padded_with_the_last():
    from envcheck.accelerator.utils import pad_input_tensors

    rows = {"x": torch.arange(3), "other": torch.ones(2)}
    padded = pad_input_tensors(rows, 3, 2)
    assert padded["x"].tolist() == [0, 1, 2, 2]
    assert padded["other"].tolist() == [1, 1]
