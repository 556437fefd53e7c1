"""Where programs written for Accelerate import these from; they are in ``processes``."""

from envcheck.accelerator.processes import (
    AcceleratorState,
    DistributedType,
    GradientState,
    PartialState,
)

__all__ = ["AcceleratorState", "DistributedType", "GradientState", "PartialState"]
