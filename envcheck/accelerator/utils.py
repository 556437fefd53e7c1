"""Where programs written for Accelerate import its functions from; they live beside this file."""

from __future__ import annotations

from envcheck import accelerator


def __getattr__(name: str) -> object:
    return getattr(accelerator, name)
