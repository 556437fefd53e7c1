"""Lockfiles that the tools wrote, and targets to ask them about."""

from __future__ import annotations

from pathlib import Path

from envcheck.model.target import Target

LOCKS = Path(__file__).parent / "data" / "locks"


def target(python="3.12.4", system="linux", libc="glibc 2.36", **more):
    return Target("t", python, libc if system == "linux" else "", system=system, **more)


def names(pins):
    return [f"{pin.name} {pin.version}" for pin in pins]
