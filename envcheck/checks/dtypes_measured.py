"""DTYPE3xx: number formats as they were measured. Only with --deep.

What a profile asks of a format is judged in ``number_formats``, which believes these measurements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envcheck.checks.base import Check, Context
from envcheck.checks.imports_deep import require_torch
from envcheck.checks.reading import records, text
from envcheck.model.finding import Finding, Remedy, fail

if TYPE_CHECKING:
    from collections.abc import Iterator


def _measured(context: Context) -> list[dict[str, Any]]:
    """Records of the measured products. Raises NotApplicable without --deep or without torch."""
    require_torch(context)
    return records(context["compute.dtypes"])


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
    for item in _measured(context):
        if item.get("verdict") == "wrong":
            yield fail(
                f"{item.get('device')} computes {item.get('dtype')} wrongly",
                detail=text(item.get("why")),
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
    for item in _measured(context):
        if item.get("verdict") == "reduced":
            yield fail(
                f"{item.get('device')} computes fp32 with reduced precision",
                detail=text(item.get("why")),
                subject=text(item.get("device")),
                remedy=Remedy("Unset ONEDNN_DEFAULT_FPMATH_MODE and NVIDIA_TF32_OVERRIDE"),
            )


CHECKS = (
    Check("DTYPE301", "matrix products are right", "error", correct),
    Check("DTYPE302", "fp32 is computed in full", "note", full_precision),
)
