"""DST: how training would be launched: Accelerate, DeepSpeed, launcher variables, collectives."""

from __future__ import annotations

from envcheck.checks import remedies
from envcheck.checks.base import Check, Context, NotApplicable, sentence
from envcheck.checks.installed import has_distribution
from envcheck.model.finding import Finding, Remedy, fail, unknown
from envcheck.model.reading import mapping, number, records, strings, text
from envcheck.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONFIG = "launch.accelerate.config"
_TYPES = ("NO", "FSDP", "DEEPSPEED", "MEGATRON_LM", "XLA", "TPU")
_PRECISIONS = ("no", "fp8", "fp16", "bf16")


def _require_accelerate(context: Context) -> None:
    if has_distribution(context, "accelerate") is False:
        raise NotApplicable("accelerate is not installed")


def _values(context: Context) -> dict[str, Any]:
    """The configuration's values. Raises NotApplicable if there is none."""
    _require_accelerate(context)
    if context[_CONFIG] is None:
        raise NotApplicable("there is no configuration of accelerate's")
    if context[f"{_CONFIG}.status"] != "ok":
        raise NotApplicable("accelerate's configuration cannot be read")
    return mapping(context[f"{_CONFIG}.values"])


def _rewrite(context: Context, path: str, text: str) -> Remedy:
    """``text``, and the commands that write the file anew: `config` overwrites none."""
    commands = [["mv", path, f"{path}.old"], ["accelerate", "config", "default"]]
    return remedies.typed(context, text, commands)


def config_parses(context: Context) -> Iterator[Finding]:
    """Accelerate's configuration file cannot be parsed.

    ## Why it matters
    `accelerate launch` reads it at every start and ends with a traceback.

    ## Causes
    A tab as indentation, `key:value` without a space, a file that is empty or belongs to another
    user.

    ## Remedy
    Mend the line that is named, or move the file away and run `accelerate config`.

    ## Sources
    accelerate 1.15.0, commands/config/config_args.py: `load_config_from_file`.
    """
    _require_accelerate(context)
    path = context[_CONFIG]
    if path is None:
        raise NotApplicable("there is no configuration of accelerate's")
    status, error = context[f"{_CONFIG}.status"], text(context[f"{_CONFIG}.error"])
    evidence = context.evidence(_CONFIG, f"{_CONFIG}.error")
    if status == "unknown":
        yield unknown(f"{path} is not understood", detail=error, evidence=evidence)
    elif status != "ok":
        yield fail(
            f"{path} cannot be used: {error or status}",
            detail="`accelerate launch` reads it and ends with a traceback.",
            subject=text(path),
            evidence=evidence,
            remedy=_rewrite(
                context, text(path), "Mend the line that is named, or write the file anew"
            ),
        )


def config_valid(context: Context) -> Iterator[Finding]:
    """Accelerate's configuration says something that Accelerate refuses.

    ## Why it matters
    `accelerate launch` ends with a traceback that does not name the line.

    ## Causes
    A key of another version of Accelerate; no `distributed_type`; `mixed_precision: no` without
    quotation marks, which YAML reads as false.

    ## Remedy
    Mend the key that is named, or write the file anew with `accelerate config`.

    ## Sources
    accelerate 1.15.0, commands/config/config_args.py and commands/launch.py; run with each.
    """
    values = _values(context)
    path = text(context[_CONFIG])
    for key, problem in _problems(context, values):
        yield fail(
            f"{key} in {path}: {problem}",
            subject=key,
            evidence=context.evidence(_CONFIG),
            remedy=Remedy(f"Mend `{key}` in {path}"),
        )


def _problems(context: Context, values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    keys = strings(context[f"{_CONFIG}.keys"])
    sagemaker = values.get("compute_environment") == "AMAZON_SAGEMAKER"
    if "distributed_type" not in keys:
        yield "distributed_type", "it is missing, and accelerate insists on it"
    else:
        kind = values.get("distributed_type")
        is_known = not isinstance(kind, str) or kind in _TYPES or kind.startswith("MULTI_")
        if not is_known and not sagemaker:
            yield "distributed_type", f"`{kind}` is no kind that accelerate knows"
    precision = values.get("mixed_precision")
    if isinstance(precision, bool):
        yield "mixed_precision", "`no` without quotation marks is false in YAML; write `'no'`"
    elif isinstance(precision, str) and precision.lower() not in _PRECISIONS:
        yield "mixed_precision", f"`{precision}` is none of {', '.join(_PRECISIONS)}"
    accepted = strings(context.get("launch.accelerate.keys"))
    if accepted and not sagemaker:
        for key in keys:
            if key not in accepted:
                yield key, "the installed accelerate does not know this key and refuses the file"


def process_count(context: Context) -> Iterator[Finding]:
    """The configuration asks for more processes than there are devices.

    ## Why it matters
    The processes without a device fail with "invalid device ordinal", the others wait for them.

    ## Causes
    A configuration that was copied from a larger machine, or fewer devices passed to the container.

    ## Remedy
    Set `num_processes` to the number of devices, or pass `--num_processes` to `accelerate launch`.

    ## Sources
    accelerate 1.15.0, utils/launch.py: one process for each device.
    """
    values = _values(context)
    processes, machines = number(values.get("num_processes")), number(values.get("num_machines"))
    if processes is None or processes < 2 or values.get("use_cpu") is True:
        raise NotApplicable("the configuration does not ask for several devices")
    if str(values.get("distributed_type")) in ("NO", "False", "MULTI_CPU"):
        raise NotApplicable("the configuration does not ask for several devices")
    kinds = strings(context["devices.kinds"])
    count = sum(1 for item in records(context["devices.list"]) if item.get("kind") in kinds)
    per_machine = processes / max(1.0, machines or 1.0)
    if count < per_machine:
        yield fail(
            f"accelerate would start {per_machine:g} processes, the number of devices is {count}",
            subject="num_processes",
            evidence=context.evidence(_CONFIG, "devices.kinds"),
            remedy=Remedy(
                f"Set num_processes to {max(count, 1)} in {context[_CONFIG]}",
                (f"accelerate launch --num_processes {max(count, 1)}",),
            ),
        )


def precision(context: Context) -> Iterator[Finding]:
    """The configured mixed precision does nothing here, or makes training slower.

    ## Why it matters
    bf16 that is emulated is slower than fp32. fp16 on a CPU is silently ignored by Accelerate.

    ## Causes
    A configuration from a machine with another device.

    ## Remedy
    Set `mixed_precision` to what the device computes natively, or to `'no'`.

    ## Sources
    accelerate 1.15.0: `native_amp` is false for fp16 on a CPU. NVIDIA: bf16 from compute capability
    8.0 on. With `--deep`: measured.
    """
    values = _values(context)
    wanted = values.get("mixed_precision")
    if wanted not in ("bf16", "fp16", "fp8"):
        raise NotApplicable("the configuration asks for no mixed precision")
    kinds = strings(context["devices.kinds"])
    on_cpu = values.get("use_cpu") is True or not kinds
    subject = "mixed_precision"
    evidence = context.evidence(_CONFIG, "devices.kinds")
    if on_cpu and wanted == "fp16":
        yield fail(
            "mixed_precision is fp16, which accelerate ignores on a CPU: it trains in fp32",
            subject=subject,
            evidence=evidence,
            remedy=Remedy("Set mixed_precision to bf16 or 'no' for a CPU"),
        )
        return
    slow = _measured(context, wanted, on_cpu)
    if not slow and not on_cpu:
        slow = _by_table(context, wanted)
    if slow:
        yield fail(
            f"mixed_precision is {wanted}, which is emulated here: {slow}",
            subject=subject,
            evidence=evidence,
            remedy=Remedy(
                "Set mixed_precision to 'no'" if on_cpu else "Set mixed_precision to fp16"
            ),
        )


def _measured(context: Context, wanted: str, on_cpu: bool) -> str:
    for item in records(context.get("compute.dtypes")):
        device = text(item.get("device"))
        is_it = (device == "cpu") == on_cpu and text(item.get("dtype")).startswith(wanted)
        if is_it and item.get("verdict") == "emulated":
            return f"{device}: {item.get('why')}"
    return ""


def _by_table(context: Context, wanted: str) -> str:
    """A CUDA device that has no instructions for the format, in words; "" if there is none."""
    from envcheck.checks import cuda_rules

    for item in records(context.get("devices.list")):
        capability = item.get("compute_capability")
        if item.get("kind") != "cuda" or not isinstance(capability, str):
            continue
        if cuda_rules.computes(wanted, capability)[0] == "emulated":
            return f"{item.get('name')} has compute capability {capability}"
    return ""


def devices_unused(context: Context) -> Iterator[Finding]:
    """There are several devices and no configuration of Accelerate's.

    ## Why it matters
    `accelerate launch` chooses everything itself and says so at every start; `python train.py` uses
    one device.

    ## Causes
    `accelerate config` was never run by this user.

    ## Remedy
    Run `accelerate config`, or `accelerate config default`.

    ## Sources
    accelerate 1.15.0, commands/launch.py.
    """
    if not has_distribution(context, "accelerate"):
        raise NotApplicable("accelerate is not installed")
    if context[_CONFIG] is not None:
        return
    kinds = strings(context["devices.kinds"])
    count = sum(1 for item in records(context["devices.list"]) if item.get("kind") in kinds)
    if count > 1:
        yield fail(
            f"accelerate has no configuration for the {count} devices",
            evidence=context.evidence(_CONFIG, "devices.kinds"),
            remedy=Remedy("Write one", ("accelerate config default",)),
        )


def deepspeed(context: Context) -> Iterator[Finding]:
    """A DeepSpeed configuration is missing, is no JSON, or contradicts itself.

    ## Why it matters
    Training ends when DeepSpeed initialises, after the model was loaded.

    ## Causes
    A path that is relative to another directory; a comment or a trailing comma, which JSON does not
    have; fp16 and bf16 both switched on.

    ## Remedy
    Mend the file, or the path in Accelerate's configuration.

    ## Sources
    DeepSpeed, "DeepSpeed Configuration JSON".
    """
    for item in records(context["launch.deepspeed.configs"]):
        path, status = text(item.get("path")), item.get("status")
        named = item.get("source") != "working directory"
        problem = ""
        if status in ("missing", "unreadable", "malformed"):
            problem = text(item.get("error")) or text(status)
        values = mapping(item.get("values"))
        if values.get("fp16.enabled") is True and values.get("bf16.enabled") is True:
            problem = "fp16 and bf16 are both enabled, and DeepSpeed takes one"
        if problem:
            yield fail(
                f"{path}: {problem}",
                severity="" if named else "note",
                detail=f"It is named by {item.get('source')}." if named else "",
                subject=path,
                remedy=Remedy(f"Mend {path}"),
            )


def launcher_variables(context: Context) -> Iterator[Finding]:
    """Variables of a launcher are set, but not all that belong together.

    ## Why it matters
    A program that finds `WORLD_SIZE` and no `LOCAL_RANK` trains alone, silently, or waits for other
    processes that never come.

    ## Causes
    They were exported by hand, or are left over from a job.

    ## Remedy
    Unset them and let `torchrun` or `accelerate launch` set them.

    ## Sources
    PyTorch, "torch.distributed", environment variable initialization; accelerate 1.15.0, state.py.
    """
    found = mapping(context["launch.variables"])
    size = text(found.get("WORLD_SIZE"))
    if not size.isdigit() or int(size) < 2:
        raise NotApplicable("no launcher's variables are set")
    missing = [name for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR") if name not in found]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        yield fail(
            f"WORLD_SIZE is {size}, and {', '.join(missing)} {verb} not set",
            subject="WORLD_SIZE",
            evidence=context.evidence("launch.variables"),
            remedy=remedies.unset(
                context, "WORLD_SIZE", "Unset it and use torchrun or accelerate launch"
            ),
        )


def collectives(context: Context) -> Iterator[Finding]:
    """Two processes of this machine cannot add up a tensor.

    ## Why it matters
    Every distributed training would hang or fail in the same way.

    ## Causes
    gloo: the host's name cannot be resolved (containers), or `GLOO_SOCKET_IFNAME` names no
    interface. NCCL: no shared memory, peer access that does not work, a driver that does not fit.

    ## Remedy
    As the finding says; `NCCL_DEBUG=INFO` shows what NCCL tries.

    ## Sources
    A real all-reduce between two processes, with `--deep`.
    """
    from envcheck.checks.imports_deep import require_torch

    require_torch(context)
    wanted = context.holds("distributed")
    for item in records(context["compute.collectives"]):
        if item.get("status") in ("error", "timeout", "crash"):
            backend = text(item.get("backend"))
            yield fail(
                f"{backend}: an all-reduce of {item.get('processes') or 'some'} processes failed",
                severity="error" if wanted or backend == "nccl" else "",
                detail=sentence(text(item.get("reason"))),
                subject=backend,
                remedy=_collective_remedy(backend),
            )


def _collective_remedy(backend: str) -> Remedy:
    if backend == "gloo":
        return Remedy(
            "See that the host's name is in /etc/hosts, or name the interface to use",
            ("export GLOO_SOCKET_IFNAME=lo",),
        )
    return Remedy("See what NCCL says when it is verbose", ("export NCCL_DEBUG=INFO",))


CHECKS = (
    Check("DST101", "accelerate's configuration can be parsed", "error", config_parses),
    Check("DST102", "accelerate accepts its configuration", "error", config_valid, ("DST101",)),
    Check("DST103", "there is a device for each process", "error", process_count, ("DST102",)),
    Check("DST104", "the configured precision helps", "warning", precision, ("DST102",)),
    Check("DST105", "accelerate is configured for several devices", "note", devices_unused),
    Check("DST106", "DeepSpeed's configuration can be used", "error", deepspeed),
    Check("DST107", "a launcher's variables are complete", "warning", launcher_variables),
    Check("DST301", "processes can talk to each other", "warning", collectives),
)
