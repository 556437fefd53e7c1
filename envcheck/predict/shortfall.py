"""In words: what a release has no wheel for, and what would be the nearest that helps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envcheck.predict.offers import pythons, state, systems

if TYPE_CHECKING:
    from envcheck.predict.offers import Offer, Platform


def no_wheel(platform: Platform, name: str, offer: Offer, offers: list[Offer]) -> tuple[str, str]:
    """Sentence and remedy for a release without a wheel that fits and without a usable sdist."""
    made = minors(pythons(offer.wheels, free_threaded=platform.free_threaded))
    here = systems(offer.wheels, interpreter=platform)
    what, remedy = f"wheel of {name} {offer.version}", ""
    near = "manylinux" in here and platform.architecture in here
    kind = {"musl": "musllinux", "glibc": "manylinux"}.get(platform.family, "")
    everywhere = systems(offer.wheels)
    if kind and offer.wheels and not here and kind not in everywhere:  # of no Python
        what = f"{kind} {what}"
        has = f"it has {everywhere} for CPython {made}" if made else f"it has {everywhere}"
        near = platform.family == "musl" and "manylinux" in everywhere
        if near:
            remedy = f"use a glibc image and Python {made}" if made else "use a glibc image"
    elif not here:  # nothing for this Python, wherever it runs
        has = f"it has wheels for CPython {made}" if made else "it has no wheel at all"
        remedy = f"use Python {made}" if made else ""
    elif platform.family == "musl":
        has = f"it has {here}"
        what = f"musllinux {what}" if near else f"musllinux {platform.architecture} {what}"
        remedy = f"use a glibc image such as python:{platform.minor}-slim" if near else ""
    else:
        has = f"it has {here}"
        what = f"{what} for {platform.libc} {platform.architecture} and"
        remedy = "use an image with a newer glibc" if near else ""
    last = next(
        (one for one in reversed(offers) if one.final and state(one, platform) == "wheel"), None
    )
    if last:
        use = f"use {name} {last.version}, the newest with a wheel for this cell"
        remedy = f"{remedy}, or {use}" if remedy else use
    sdist = "there is no sdist"
    if offer.sdists:
        sdist = "building its sdist is not allowed (index.only-binary)"
    what = what if what.endswith(" and") else f"{what} for"
    return f"no {what} {platform.words} ({has}) and {sdist}", remedy


def minors(items: list[str]) -> str:
    """``3.10 to 3.14`` of minor versions of Python in order; ``3.9+`` stays ``3.9 and newer``."""
    if len(items) > 2 and all(re.fullmatch(r"3\.\d+", item) for item in items):
        numbers = [int(item[2:]) for item in items]
        if numbers == list(range(numbers[0], numbers[-1] + 1)):
            return f"{items[0]} to {items[-1]}"
    return ", ".join(item.replace("+", " and newer") for item in items)


def python_wanted(requires_python: str) -> str:
    """``Python 3.10 or newer`` of ``>=3.10.0``; else ``a Python that is …``."""
    if match := re.fullmatch(r">=\s*(\d+\.\d+)(?:\.0|\.\*)?", requires_python.strip()):
        return f"Python {match[1]} or newer"
    return f"a Python that is {requires_python}"
