"""SMK3xx: what happened when tiny models were really trained. Only with --deep."""

from __future__ import annotations

from envcheck.checks.base import Check, Context, NotApplicable, sentence
from envcheck.model import smoke
from envcheck.model.finding import Finding, Remedy, fail, unknown
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envcheck.model.smoke import Smoke, Trial

_MODELS = ("mlp", "transformer")


def _trained(context: Context) -> Smoke:
    """What was trained. Raises NotApplicable if nothing could be."""
    if context.get("smoke.asked") is not True:
        raise NotApplicable("only with --deep")
    status = context["smoke.status"]  # unknown where the probe itself did not come to its end
    found = context.once(_read)
    if status == "skip":
        raise NotApplicable(found.reason or "it was skipped")
    if status == "fail" and not found.trials:  # IMP301 and the like are about that
        raise NotApplicable(found.reason or "torch could not be imported")
    return found


def _read(context: Context) -> Smoke:
    return smoke.read(context.facts)


def _judge(
    context: Context,
    chosen: Callable[[Trial], bool],
    works: str,
    title: Callable[[Trial], str],
    otherwise: str,
) -> Iterator[Finding]:
    """A finding for each chosen trial that failed or is open. What was not tried is no pass.

    ``works``: what is in order when it passes; ``otherwise``: what helps if it fails again.
    """
    found = _trained(context)
    trials = [trial for trial in found.trials if chosen(trial)]
    if trials and all(trial.status == "skip" for trial in trials):
        raise NotApplicable(trials[0].reason or "it was skipped")
    if not trials:
        if found.status != "unknown":
            raise NotApplicable("it was not tried")
        trials = [smoke.Trial("", "unknown", found.reason)]
    for trial in trials:
        if trial.status == "unknown":
            said = f"whether {works} is not known"
            yield unknown(said, detail=sentence(trial.reason), subject=trial.label)
        elif trial.status == "fail":
            repeat = (
                f"Repeat it with `envcheck smoke --part {trial.part}`; if it stays, {otherwise}"
            )
            yield fail(
                title(trial),
                severity="warning" if trial.emulated else "",
                detail=_loss(trial),
                subject=trial.label,
                evidence=context.evidence("smoke.torch"),
                remedy=Remedy(repeat),
            )


def _loss(trial: Trial) -> str:
    """The reason as a sentence, and the losses."""
    said = sentence(trial.reason)
    if trial.first_loss is None or trial.last_loss is None:
        return said
    return f"{said} Loss: {trial.first_loss:.4g} before, {trial.last_loss:.4g} after.".strip()


def _place(trial: Trial) -> str:
    return trial.device or "this target"


def full_precision(context: Context) -> Iterator[Finding]:
    """A tiny model that is trained in fp32 does not learn, or its training fails.

    ## Why it matters
    The same code learns everywhere else: whatever is trained here is in doubt, and no message may
    say so.

    ## Causes
    A damaged or miscompiled library, faulty hardware, a build of torch that does not fit the
    driver or the device, too little memory.

    ## Remedy
    The finding says what failed. Repeat it with `envcheck smoke`; if it stays, reinstall torch.

    ## Sources
    A small network and a small transformer trained on made data, with `--deep`.
    """
    return _judge(
        context,
        lambda trial: trial.part in _MODELS and trial.dtype in ("fp32", ""),
        "training in fp32 works",
        lambda trial: f"training the {trial.part} in fp32 on {_place(trial)} fails",
        "reinstall torch, and test the hardware",
    )


def mixed_precision(context: Context) -> Iterator[Finding]:
    """A tiny model that is trained in mixed precision does not learn, or its training fails.

    ## Why it matters
    In fp32 the same training works; with `--bf16` or `--fp16` a run here ends, or learns nothing.

    ## Causes
    A format that the device or this build of torch does not really have, a library for it that is
    missing or wrong. Where the device only emulates it, this is a warning.

    ## Remedy
    Train in the format that works, or use a build of torch for this device.

    ## Sources
    A small network and a small transformer trained under autocast, fp16 with loss scaling, with
    `--deep`.
    """
    return _judge(
        context,
        lambda trial: trial.part in _MODELS and trial.dtype not in ("fp32", ""),
        "training in mixed precision works",
        lambda trial: f"training the {trial.part} in {trial.dtype} on {_place(trial)} fails",
        "train in fp32, or use another build of torch",
    )


def resume(context: Context) -> Iterator[Finding]:
    """Training that goes on from a checkpoint does not come to the same loss.

    ## Why it matters
    A run that was interrupted is another run afterwards: results differ from an uninterrupted one,
    in the worst case silently.

    ## Causes
    A file system that does not keep what was written, a damaged library, hardware that computes
    differently from one time to the next.

    ## Remedy
    Try another directory for temporary files; if it stays, test the hardware.

    ## Sources
    A model, its optimizer and the state of the random generators saved in the middle, loaded, and
    trained on, with `--deep`.
    """
    return _judge(
        context,
        lambda trial: trial.part == "resume",
        "training resumes as it was",
        lambda _: "training that is resumed from a checkpoint differs",
        "keep checkpoints elsewhere (`TMPDIR` for this test)",
    )


def processes(context: Context) -> Iterator[Finding]:
    """Two processes that train together do not agree, or do not come to an end.

    ## Why it matters
    Distributed training would hang, or its processes would train different models.

    ## Causes
    Processes that cannot talk to each other are DST301's matter. Where they can, a damaged library,
    or a build of torch without distributed data parallel.

    ## Remedy
    Repeat it with `envcheck smoke --part processes`; if it stays, reinstall torch.

    ## Sources
    Two processes with gloo that train one model on halves of the data, with `--deep`.
    """
    _trained(context)
    for finding in context.findings:
        if finding.code == "DST301" and finding.subject == "gloo" and finding.status == "fail":
            raise NotApplicable("processes cannot talk to each other: DST301")
    return _judge(
        context,
        lambda trial: trial.part == "processes",
        "processes train together",
        lambda trial: f"{trial.processes or 'several'} processes that train together fail",
        "reinstall torch",
    )


def compiled(context: Context) -> Iterator[Finding]:
    """A model that was compiled with torch.compile does not train, although a compiler is there.

    ## Why it matters
    `torch.compile`, and what calls it (`--torch_compile` of transformers' Trainer), ends with an
    error here or computes something else. Training without it is not affected.

    ## Causes
    A compiler that is too old or lacks headers (Python's, OpenMP's), a Triton that does not fit
    torch, a directory for caches that cannot be written to or executed from.

    ## Remedy
    Mend the compiler as the finding says, or train without `torch.compile`.

    ## Sources
    A small model compiled and trained, with `--deep`.
    """
    return _judge(
        context,
        lambda trial: trial.part == "compile",
        "torch.compile works",
        lambda trial: f"torch.compile fails on {_place(trial)}",
        "train without torch.compile, or mend the compiler",
    )


_TORCH = ("IMP301", "IMP302", "IMP303", "IMP305", "DTYPE301")
_ALONE = ("SMK301", *_TORCH)

CHECKS = (
    Check("SMK301", "tiny models learn in fp32", "error", full_precision, _TORCH),
    Check("SMK302", "tiny models learn in mixed precision", "error", mixed_precision, _ALONE),
    Check("SMK303", "training resumes as it was", "error", resume, _ALONE),
    Check("SMK304", "processes train together", "error", processes, ("DST301", *_ALONE)),
    Check("SMK305", "torch.compile works", "warning", compiled, _ALONE),
)
