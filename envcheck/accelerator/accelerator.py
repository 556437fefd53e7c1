"""``Accelerator``: a plain training loop made to run with any precision and number of processes.

One prepares what the loop uses, and calls ``accelerator.backward(loss)``:

    accelerator = Accelerator(mixed_precision="bf16")
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    for batch in loader:
        optimizer.zero_grad()
        accelerator.backward(loss_of(model(batch)))
        optimizer.step()
"""

from __future__ import annotations

import contextlib
import gc
import warnings
from collections import OrderedDict
from typing import Any

import torch
from torch.distributed.algorithms.join import Join
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader

from envcheck.accelerator import config, devices, operations, options, processes, stepping
from envcheck.accelerator import data_loader as loaders
from envcheck.accelerator.checkpointing import Checkpointing


def _of(owner: str, name: str) -> property:
    """The attribute ``name`` of the attribute ``owner``."""
    return property(
        lambda self: getattr(getattr(self, owner), name),
        lambda self, value: setattr(getattr(self, owner), name, value),
    )


class Accelerator(Checkpointing, processes.Ranks):
    """Prepares models, optimizers, dataloaders and schedulers, and does what depends on them all.

    Raises ValueError for settings that cannot be, RuntimeError if this is one of several processes
    and cannot join them; warns where the hardware only emulates what is asked for.
    """

    def __init__(
        self, device_placement: bool = True, split_batches: bool = False,
        mixed_precision: str | None = None, gradient_accumulation_steps: int = 1,
        cpu: bool = False, dataloader_config: options.DataLoaderConfiguration | None = None,
        rng_types: list[str] | None = None, project_dir: str | None = None,
        project_config: options.ProjectConfiguration | None = None,
        gradient_accumulation_plugin: processes.GradientAccumulationPlugin | None = None,
        step_scheduler_with_optimizer: bool = True,
        kwargs_handlers: list[options.KwargsHandler] | None = None, even_batches: bool = True,
    ) -> None:  # fmt: skip
        wanted = getattr(mixed_precision, "value", mixed_precision)
        if wanted not in (None, *config.PRECISIONS):
            raise ValueError(f"mixed_precision={wanted!r}: one of no, bf16, fp16")
        steps = getattr(config.launched(), "gradient_accumulation_steps", None) or 1
        steps = steps if gradient_accumulation_steps == 1 else gradient_accumulation_steps
        plugin = gradient_accumulation_plugin or processes.GradientAccumulationPlugin(steps)
        if type(plugin.num_steps) is not int or plugin.num_steps < 1:
            what = f"gradient_accumulation_steps={plugin.num_steps!r}"
            raise ValueError(f"{what}: a whole number, at least 1")
        if dataloader_config is not None and (split_batches, even_batches) != (False, True):
            raise ValueError("split_batches and even_batches are in the dataloader_config already")
        self._handlers = {type(handler): vars(handler) for handler in kwargs_handlers or ()}
        group = self._told(options.InitProcessGroupKwargs)
        self.state = processes.AcceleratorState(wanted, cpu, **group)
        self.gradient_state = processes.GradientState(**vars(plugin))
        dealing = options.DataLoaderConfiguration(split_batches, even_batches=even_batches)
        self.dataloader_config = dataloader_config or dealing
        self.project_configuration = project_config or options.ProjectConfiguration()
        self.project_dir = project_dir or self.project_dir
        self.device_placement = device_placement
        self.rng_types = ["generator"] if rng_types is None else rng_types
        self.step_scheduler_with_optimizer = step_scheduler_with_optimizer
        self.step, self._trigger = 0, False
        scaling = {"device": self.device.type, **self._told(options.GradScalerKwargs)}
        fp16 = self.mixed_precision == "fp16"
        self.scaler: Any = torch.amp.GradScaler(**scaling) if fp16 else None
        kept: Any = [[] for _ in range(5)]
        self._models, self._optimizers, self._schedulers, self._dataloaders = kept[:4]
        self._custom_objects = kept[4]
        self._hooks: Any = {"save": OrderedDict(), "load": OrderedDict()}  # what handles want
        self.traps = stepping.Traps(self.process, self.gradient_state, self.scaler)
        stepping.tell(self.process, self.mixed_precision)

    def _told(self, kind: type) -> dict[str, Any]:
        return self._handlers.get(kind, {})

    mixed_precision = property(lambda self: self.state.mixed_precision)
    split_batches = _of("dataloader_config", "split_batches")
    even_batches = _of("dataloader_config", "even_batches")
    dispatch_batches = _of("dataloader_config", "dispatch_batches")
    project_dir = _of("project_configuration", "project_dir")
    save_iteration = _of("project_configuration", "iteration")
    sync_gradients = _of("gradient_state", "sync_gradients")
    gradient_accumulation_steps = _of("gradient_state", "num_steps")
    optimizer_step_was_skipped = property(
        lambda self: any(one.step_was_skipped for one in self._optimizers)
    )
    gather = staticmethod(operations.gather)
    trigger_sync_in_backward = staticmethod(stepping.trigger_sync_in_backward)
    broadcast = staticmethod(operations.broadcast)
    pad_across_processes = staticmethod(operations.pad_across_processes)
    skip_first_batches = staticmethod(loaders.skip_first_batches)
    unwrap_model = staticmethod(stepping.unwrap)

    def reduce(self, tensor: Any, reduction: str = "sum", scale: float = 1.0) -> Any:
        """``sum``, ``mean`` or ``max`` over the processes."""
        return operations.reduce(tensor, reduction, scale)

    def prepare(self, *args: Any, device_placement: list[bool] | None = None) -> Any:
        """The arguments, prepared, in the same order; one alone is returned as it is.

        Anything but models, optimizers, dataloaders and schedulers passes through.
        """
        self.traps.check_fork()
        places: list[Any] = [None] * len(args) if device_placement is None else device_placement
        if len(places) != len(args):
            raise ValueError(f"device_placement has {len(places)} entries for {len(args)} objects")
        result = list(map(self._prepare, args, places))
        # the optimizers of schedulers are prepared by now, in whatever order they came
        result = [self.prepare_scheduler(o) if isinstance(o, LRScheduler) else o for o in result]
        return result[0] if len(result) == 1 else tuple(result)

    def _prepare(self, one: Any, place: bool | None) -> Any:
        if isinstance(one, DataLoader):
            return self.prepare_data_loader(one, place)
        if isinstance(one, torch.nn.Module):
            return self.prepare_model(one, place)
        held = one.values() if isinstance(one, dict) else one
        if isinstance(one, (list, tuple, dict)) and any(map(stepping.is_preparable, held)):
            raise TypeError(f"prepare takes objects one by one, not in a {type(one).__name__}")
        return self.prepare_optimizer(one) if isinstance(one, torch.optim.Optimizer) else one

    def prepare_model(
        self, model: Any, device_placement: bool | None = None, evaluation_mode: bool = False
    ) -> Any:
        """The model on the device, its ``forward`` in mixed precision, distributed if it learns."""
        if any(model is other for other in self._models):
            return model
        if self.mixed_precision != "no" and not isinstance(model.forward, stepping.MixedForward):
            kind = {"device_type": self.device.type, "dtype": devices.DTYPES[self.mixed_precision]}
            autocast = {**kind, **self._told(options.AutocastKwargs)}
            model.forward = stepping.MixedForward(model.forward, **autocast)
        if self.device_placement if device_placement is None else device_placement:
            model = model.to(self.device)
        learns = any(parameter.requires_grad for parameter in model.parameters())
        if self.num_processes > 1 and learns and not evaluation_mode:
            ids = None if self.device.type == "cpu" else [self.device.index]
            told = self._told(options.DistributedDataParallelKwargs)
            model = self.process.talk(stepping.Distributed, model, device_ids=ids, **told)
        self.traps.parameters.update(map(id, model.parameters()))
        model._is_accelerate_prepared = True
        self._models.append(model)
        return model

    def prepare_optimizer(self, optimizer: Any, device_placement: Any = None) -> Any:  # noqa: ARG002
        """The optimizer, stepping when accumulation is complete."""
        if isinstance(optimizer, stepping.AcceleratedOptimizer):
            return optimizer
        self.traps.watch(stepping.parameters_of(optimizer))
        more = (self.scaler, self.gradient_state, self.traps)
        prepared = stepping.AcceleratedOptimizer(optimizer, *more)
        self._optimizers.append(prepared)
        return prepared

    def prepare_scheduler(self, scheduler: Any) -> Any:
        """The scheduler, stepping with its optimizer."""
        own = [o for o in self._optimizers if scheduler.optimizer in (o, o.optimizer)]
        how = (self.step_scheduler_with_optimizer, self.split_batches, self.num_processes)
        state = self.gradient_state
        prepared = stepping.AcceleratedScheduler(scheduler, own or self._optimizers, *how, state)
        self._schedulers.append(prepared)
        return prepared

    def prepare_data_loader(self, data_loader: Any, device_placement: bool | None = None) -> Any:
        """The dataloader with this process's batches on its device."""
        if getattr(data_loader, "_is_accelerate_prepared", False):
            return data_loader
        prepared = loaders.prepare_data_loader(
            data_loader, self.device, rng_types=self.rng_types, gradient_state=self.gradient_state,
            put_on_device=self.device_placement if device_placement is None else device_placement,
            **vars(self.dataloader_config),
        )  # fmt: skip
        prepared._is_accelerate_prepared = True
        self._dataloaders.append(prepared)
        return prepared

    def backward(self, loss: torch.Tensor, **kwargs: Any) -> None:
        """``loss.backward()`` of a loss that is divided by the accumulation, and scaled in fp16.

        Raises FloatingPointError for a loss that is not finite, before it can spoil the weights,
        and RuntimeError that names other processes that have ended.
        """
        self.traps.before_backward(loss)
        if self.gradient_state.num_steps > 1:
            loss = loss / self.gradient_state.num_steps
        if self.scaler is not None:
            self.traps.update_scale()
            loss = self.scaler.scale(loss)
        self.traps.inside = True
        try:
            self.process.talk(loss.backward, **kwargs)
        finally:
            self.traps.inside = False

    def accumulate(self, *models: Any) -> Any:
        """A context for one batch: if its step does not count, gradients stay in this process."""
        state = self.gradient_state
        if state.sync_with_dataloader and state.end_of_dataloader:
            self.traps.tail(self.step % state.num_steps + 1)
            self.step, state.sync_gradients = 0, True
        else:
            self.step += 1
            state.sync_gradients = self.step % state.num_steps == 0
        if self.num_processes == 1 or state.sync_gradients or state.sync_each_batch:
            return contextlib.nullcontext()
        held = contextlib.ExitStack()
        for model in models:
            held.enter_context(self.no_sync(model))
        return held

    def no_sync(self, model: Any) -> Any:
        """A context in which the gradients of ``model`` are not summed over processes."""
        return getattr(model, "no_sync", contextlib.nullcontext)()

    @contextlib.contextmanager
    def join_uneven_inputs(self, joinables: Any, even_batches: bool | None = None) -> Any:
        """A context in which processes that are out of batches shadow the others.

        ``even_batches`` overrides the setting of the prepared dataloaders meanwhile.
        """
        dealt = [loader.dealt for loader in self._dataloaders]
        samplers = [one for one in dealt if hasattr(one, "even_batches")]
        before = [sampler.even_batches for sampler in samplers]
        if even_batches is not None and len(samplers) < len(dealt) and self.num_processes > 1:
            text = "join_uneven_inputs: even_batches is only supported for map-style datasets"
            warnings.warn(text, stacklevel=3)
        try:
            for sampler in samplers if even_batches is not None else ():
                sampler.even_batches = even_batches
            self.traps.joined = True
            together = Join(joinables) if self.num_processes > 1 else contextlib.nullcontext()
            with self.process.talking(), together:
                yield
        finally:
            self.traps.joined = False
            for sampler, value in zip(samplers, before):  # noqa: B905  # Python 3.9
                sampler.even_batches = value

    def autocast(self, autocast_handler: options.AutocastKwargs | None = None) -> Any:
        """A context with the mixed precision of the models' ``forward``."""
        if self.mixed_precision == "no":
            return contextlib.nullcontext()
        told = vars(autocast_handler) if autocast_handler else self._told(options.AutocastKwargs)
        return torch.autocast(self.device.type, devices.DTYPES[self.mixed_precision], **told)

    def unscale_gradients(self, optimizer: Any = None) -> None:
        """Take the loss scale out of the gradients of an optimizer, or of all, once for a step."""
        self.traps.clip()
        for one in self._optimizers if optimizer is None else [optimizer]:
            if any(parameter.grad is not None for parameter in stepping.parameters_of(one)):
                one.unscale()

    def clip_grad_norm_(self, parameters: Any, max_norm: float, norm_type: float = 2) -> Any:
        """Scale gradients, in fp16 unscaled first, down to this norm; returns the one before."""
        self.unscale_gradients()
        return torch.nn.utils.clip_grad_norm_(parameters, max_norm, norm_type=norm_type)

    def clip_grad_value_(self, parameters: Any, clip_value: float) -> None:
        """Limit every gradient, in fp16 unscaled first, to plus or minus ``clip_value``."""
        self.unscale_gradients()
        torch.nn.utils.clip_grad_value_(parameters, clip_value)

    def gather_for_metrics(self, input_data: Any, use_gather_object: bool = False) -> Any:
        """As ``gather``, without the samples that only completed the last round.

        What holds anything but tensors is gathered as objects: lists are joined.
        """
        self.traps.check_even()
        plain = not use_gather_object and operations.only_tensors(input_data)
        data = operations.gather(input_data) if plain else operations.gather_object(input_data)
        state = self.gradient_state
        if not state.end_of_dataloader or self.num_processes == 1:
            return data
        if state.remainder < 0 and not state.active_dataloader.drop_last:
            text = "gather_for_metrics: the number of samples is not known: duplicates stay in"
            self.traps.say(text, wrong=False)

        def cut(part: Any) -> Any:
            if len(part) == state.active_dataloader.full:
                return part[: state.remainder]
            text = "gather_for_metrics: not one value for each sample: duplicates stay in"
            self.traps.say(text, wrong=False)
            return part

        if state.remainder <= 0:
            return data
        return operations.recursively_apply(cut, data) if plain else cut(data)

    def set_trigger(self) -> None:
        """Let ``check_trigger`` return true on every process."""
        self._trigger = True

    def check_trigger(self) -> bool:
        """Whether any process has set the trigger; resets it. All processes must ask."""
        raised = any(operations.gather_object([self._trigger]))
        self._trigger = self._trigger and not raised
        return raised

    def free_memory(self, *objects: Any) -> list[None]:
        """Forget everything that was prepared; returns a None for each object, to assign."""
        for kept in (self._models, self._optimizers, self._schedulers, self._dataloaders):
            kept.clear()
        self.traps.parameters.clear()
        self.step = 0
        gc.collect()
        if self.device.type != "cpu":
            getattr(torch, self.device.type).empty_cache()
        return [None] * len(objects)

    clear = free_memory

    def end_training(self) -> None:
        """Leave the process group."""
        self.state.destroy_process_group()
