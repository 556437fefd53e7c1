"""DTYPE: in which number formats the devices compute, by their make and, with ``--deep``, measured;
whether a profile's are among them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from envcheck.checks import cuda_rules
from envcheck.checks.base import Check, Context, NotApplicable, explained, sentence
from envcheck.checks.cuda_facts import DRIVER_CODES, label, number, observed, records, strings, text
from envcheck.checks.imports_deep import require_torch
from envcheck.model import reading
from envcheck.model.finding import Finding, Remedy, fail, passed, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.profile import Placed

#: Instruction sets that compute in a format; any one of them will do.
_CPU = {
    "bf16": ("avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16", "svebf16"),
    "fp16": ("avx512_fp16", "amx_fp16", "fphp", "asimdhp"),
    "int8": ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"),
}
#: How a measured product's verdict counts.
_MEASURED = {
    "native": "native",
    "emulated": "emulated",
    "reduced": "emulated",
    "unsupported": "none",
    "wrong": "none",
}
_WORST = {"none": 0, "emulated": 1, "native": 2}


class Support(NamedTuple):
    """How one device computes in a format: ``native`` ``emulated`` ``none``, None if unknown."""

    how: str | None
    who: str
    note: str = ""


def supports(context: Context, name: str) -> list[Support]:
    """Each usable device's support of format ``name``; the processor's if there is no device."""
    measured = _measured(context, name)
    if measured:
        return measured
    devices = records(context, "devices.list")
    if not devices:
        return [_cpu(context, name)]
    return [_device(context, one, name) for one in devices]


def _measured(context: Context, name: str) -> list[Support]:
    """What torch did, with ``--deep``: believed over every table. Devices before the processor."""
    found = []
    for row in records(context, "compute.dtypes"):
        dtype = row.get("dtype")
        if isinstance(dtype, str) and (dtype == name or dtype.startswith(name + "_")):
            verdict = str(row.get("verdict"))
            note = f"measured: {row.get('why') or verdict}"
            found.append(Support(_MEASURED.get(verdict), str(row.get("device")), note))
    off_cpu = [support for support in found if support.who != "cpu"]
    if off_cpu or not records(context, "devices.list"):
        return off_cpu or found
    return []


def _device(context: Context, one: dict[str, Any], name: str) -> Support:
    kind, who = one.get("kind"), label(one)
    if kind == "cuda":
        capability = one.get("compute_capability")
        how, note = (
            cuda_rules.computes(name, capability) if isinstance(capability, str) else (None, "")
        )
        return Support(how, who, note)
    if name == "fp32":
        return Support("native", who)
    if kind == "mps":
        return _mps(context, who, name)
    if kind == "rocm" and name == "fp16":
        return Support("native", who)
    return Support(None, who, f"no table for {kind}; `--deep` measures it")


def _mps(context: Context, who: str, name: str) -> Support:
    if name == "fp16":
        return Support("native", who)
    if name != "bf16":
        return Support("none", who)
    major = text(context, "devices.macos.version").partition(".")[0]
    if not major.isdigit():
        return Support(None, who, "the version of macOS is not known")
    if int(major) < 14:
        return Support("none", who, "MPS has bf16 from macOS 14 on")
    return Support("emulated", who, "in fp32 on M1 and M2")


def _cpu(context: Context, name: str) -> Support:
    if name == "fp32":
        return Support("native", "the processor")
    if name not in _CPU:
        return Support("none", "the processor")
    features = context.facts.fact("host.cpu.features")
    if not features.known:
        return Support(None, "the processor", "its instruction sets are not known")
    has = [item for item in _CPU[name] if item in strings(context, "host.cpu.features")]
    return Support("native" if has else "emulated", "the processor", ", ".join(has[:2]) or "slow")


def required_format(context: Context) -> Iterator[Finding]:
    """A device here does not compute natively in the number format that the profile asks for.

    ## Why it matters
    An emulated format is slower than fp32 and saves only memory; some operations are missing
    altogether (cuDNN has no bf16 convolutions below 8.0). torch.cuda.is_bf16_supported() says True
    on a T4 all the same, because it counts emulation.

    ## Causes
    bf16 and tf32 are native from compute capability 8.0 (Ampere), fp8 from 8.9 (Ada, Hopper), fp16
    with tensor cores from 7.0 (Volta). That is what the hardware can; a library may demand more.

    ## Remedy
    On Volta and Turing train in fp16 with loss scaling; or use a newer GPU.

    ## Sources
    TransformerEngine's support matrix; torch.cuda.is_bf16_supported(including_emulation=False).
    """
    requirements = context.requirements("dtype")
    if not requirements:
        raise NotApplicable("no profile in use asks for a number format here")
    cause = _missing_device(context)
    for requirement in requirements:
        finding = _judge(context, requirement)
        yield finding._replace(cause=cause) if finding.status == "fail" else finding


def _missing_device(context: Context) -> str:
    """The code that explains formats where the device that the profile asks for is not there: a
    device that is there but too small explains nothing about them.
    """
    missing = (f.code for f in context.findings if f.code == "GPU201" and f.status == "fail")
    return "" if records(context, "devices.list") else next(missing, "")


def _judge(context: Context, requirement: Placed) -> Finding:
    name = requirement.name
    keys = ("devices.list", "devices.kinds", "compute.dtypes")
    fields = {**context.about(requirement, name), "evidence": observed(context, *keys)}
    fact = context.facts.fact("devices.kinds")
    if fact.status == "unknown" and number(context, "nvidia.libcuda.init") in (None, 0):
        title = f"whether {name} is native is not known"
        return unknown(
            title, **explained(fields, f"Which devices there are is not known: {fact.reason}.")
        )
    if fact.status == "unknown":
        fields = explained(fields, f"No device works: {fact.reason}.")
        return fail(f"{name} is wanted but the device does not work", **fields)
    found = supports(context, name)
    open_ = [support for support in found if support.how is None]
    worst = min((_WORST[support.how] for support in found if support.how), default=2)
    weak = [support for support in found if support.how and _WORST[support.how] == worst]
    shown = "; ".join(
        f"{s.who}{': ' + s.note if s.note else ''}" for s in (weak if worst < 2 else found)[:4]
    )
    if worst == 0:
        fields = explained(fields, sentence(shown))
        return fail(f"{name} is not possible", remedy=_advice(name), **fields)
    if worst == 1 and requirement.emulated != "allow":
        if requirement.emulated == "warn":
            fields.update(severity="warning", required=False)
        fields = explained(fields, sentence(shown))
        return fail(f"{name} is only emulated", remedy=_advice(name), **fields)
    if open_:
        detail = "; ".join(f"{s.who}: {s.note or 'beyond the table'}" for s in open_[:4])
        title = f"whether {name} is native is not known"
        return unknown(title, **explained(fields, sentence(detail)))
    title = f"{name} is {'native' if worst == 2 else 'emulated, which is allowed'}"
    return passed(title, **explained(fields, sentence(shown)))


def _advice(name: str) -> Remedy:
    if name in ("bf16", "tf32", "fp8"):
        return Remedy(
            "Use fp16 with loss scaling (--fp16 for transformers' Trainer), or a newer GPU"
        )
    return Remedy("Use fp32, or another device")


def _products(context: Context) -> list[dict[str, Any]]:
    """Records of the measured products. Raises NotApplicable without --deep or without torch."""
    require_torch(context)
    return reading.records(context["compute.dtypes"])


def correct(context: Context) -> Iterator[Finding]:
    """A device multiplies matrices wrongly.

    ## Why it matters
    Training diverges or learns nothing, and no message says why.

    ## Causes
    A damaged or miscompiled library, unstable or overclocked hardware, memory errors, a driver's
    defect.

    ## Remedy
    Repeat it. If it stays, reinstall torch, update the driver, and test the hardware.

    ## Sources
    Products of random matrices compared with float64, against the rounding of each format.
    """
    for item in _products(context):
        if item.get("verdict") == "wrong":
            yield fail(
                f"{item.get('device')} computes {item.get('dtype')} wrongly",
                detail=sentence(reading.text(item.get("why"))),
                subject=f"{item.get('device')} {item.get('dtype')}",
                evidence=context.evidence("compute.torch.version"),
                remedy=Remedy(
                    "Repeat the measurement; if it stays, reinstall torch and test the hardware"
                ),
            )


def full_precision(context: Context) -> Iterator[Finding]:
    """fp32 products are computed with fewer bits than fp32 has.

    ## Why it matters
    Results differ in the third or fourth digit from those of other machines.

    ## Causes
    A variable such as `ONEDNN_DEFAULT_FPMATH_MODE=BF16` or `NVIDIA_TF32_OVERRIDE=1`.

    ## Remedy
    Unset the variable if full precision is wanted.

    ## Sources
    oneDNN, "Floating-point Math Mode"; NVIDIA, "TF32 override". Measured against float64.
    """
    for item in _products(context):
        if item.get("verdict") == "reduced":
            yield fail(
                f"{item.get('device')} computes fp32 with reduced precision",
                detail=sentence(reading.text(item.get("why"))),
                subject=reading.text(item.get("device")),
                remedy=Remedy("Unset ONEDNN_DEFAULT_FPMATH_MODE and NVIDIA_TF32_OVERRIDE"),
            )


CHECKS = (
    Check(
        "DTYPE201",
        "the devices compute in the formats that the profile asks for",
        "error",
        required_format,
        DRIVER_CODES,
    ),
    Check(
        "DTYPE301",
        "matrix products are right",
        "error",
        correct,
        ("IMP301", "IMP302", "IMP303", "IMP305"),
    ),
    Check(
        "DTYPE302",
        "fp32 is computed in full",
        "note",
        full_precision,
        ("IMP301", "IMP302", "IMP303", "IMP305"),
    ),
)
