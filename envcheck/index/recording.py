"""An index session in one small file: for tests, and for reports of what went wrong.

It holds what indexes list and what was found in their files; no addresses, hashes or credentials.
"""

from __future__ import annotations

import lzma
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from envcheck.errors import DataError, IndexTrouble
from envcheck.index.pages import File  # noqa: TC001  # msgspec reads the annotations
from envcheck.model.artifact import SdistFacts, WheelFacts  # noqa: TC001

SCHEMA = "envcheck.index-recording/1"
LIMIT = 1 << 30  # bytes, unpacked


class Listing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All files of a project. ``found``: whether any index has it."""

    files: list[File] = field(default_factory=list)
    found: bool = True


class Recording(Struct, kw_only=True, omit_defaults=True):
    """What a session used. Facts are by file name."""

    schema: Literal["envcheck.index-recording/1"] = "envcheck.index-recording/1"
    recorded: Annotated[str, Meta(description="UTC")] = ""
    listings: dict[str, Listing] = field(default_factory=dict)
    wheels: dict[str, WheelFacts] = field(default_factory=dict)
    sdists: dict[str, SdistFacts] = field(default_factory=dict)
    answers: Annotated[
        dict[str, msgspec.Raw], Meta(description="What was worked out of parts of wheels, by a key")
    ] = field(default_factory=dict)

    def listing(self, name: str) -> Listing:
        """Raises IndexTrouble for a project that was not recorded."""
        if name not in self.listings:
            raise IndexTrouble("trouble", f"the page of {name} is not in the recording")
        return self.listings[name]

    def wheel(self, filename: str) -> WheelFacts:
        """Raises IndexTrouble for a wheel that was not looked at."""
        if filename not in self.wheels:
            raise IndexTrouble("trouble", f"{filename} is not in the recording")
        return self.wheels[filename]

    def sdist(self, filename: str) -> SdistFacts:
        """Raises IndexTrouble for an sdist that was not looked at."""
        if filename not in self.sdists:
            raise IndexTrouble("trouble", f"{filename} is not in the recording")
        return self.sdists[filename]


def write(recording: Recording, path: str) -> None:
    """Raises DataError if it cannot be written."""
    bare = msgspec.structs.replace(
        recording,
        listings={
            name: msgspec.structs.replace(listing, files=[_bare(f) for f in listing.files])
            for name, listing in sorted(recording.listings.items())
        },
        wheels=dict(sorted(recording.wheels.items())),
        sdists=dict(sorted(recording.sdists.items())),
    )
    try:
        with open(path, "wb") as file:
            file.write(lzma.compress(msgspec.msgpack.encode(bare), preset=6))
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}") from error


def read(path: str) -> Recording:
    """Raises DataError."""
    try:
        with open(path, "rb") as file:
            data = lzma.LZMADecompressor(memlimit=256 << 20).decompress(file.read(), LIMIT)
        return msgspec.msgpack.decode(data, type=Recording)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except (lzma.LZMAError, ValueError, EOFError, msgspec.MsgspecError) as error:
        raise DataError(
            f"{path} is no recording of an index: {error}",
            hint="`--record FILE` writes one",
        ) from error


def _bare(file: File) -> File:
    return msgspec.structs.replace(
        file, url=f"recorded:{file.filename}", sha256="", hashes={}, metadata=""
    )
