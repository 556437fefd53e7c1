"""Why something that installs will not import, or may not."""

from __future__ import annotations

from msgspec import Struct, field


class DeepFinding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``kind``: missing-library, generic-wheel (a wheel for any platform lacks a library that those
    for platforms bring), symbol-version, architecture, libc, wrong-tag, missing-module, driver.
    ``module``: what does not import. ``libraries``: what is lacking, by soname or by the name that
    the code looks for. ``certain``: that the import fails, else that it may.
    """

    distribution: str
    version: str
    kind: str
    certain: bool
    module: str
    sentence: str
    libraries: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    remedy: str = ""
