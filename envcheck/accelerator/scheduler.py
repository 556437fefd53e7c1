"""Where programs written for Accelerate import these from; they are in ``stepping``."""

from envcheck.accelerator.stepping import AcceleratedScheduler

__all__ = ["AcceleratedScheduler"]
