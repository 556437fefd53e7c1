"""Finding what says how a long sdist is built, by reading at a few places of it.

Members of most sdists are in the order of their names (setuptools, Meson, flit, Hatch sort them):
the place of ``setup.py`` can be searched for as in a telephone book. Else it may be at the end.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from envcheck.index.sdist.archive import Archive, read_tar
from envcheck.index.sdist.seeking import Middle

if TYPE_CHECKING:
    from collections.abc import Callable

END = 2 << 20  # bytes of the end: what refers to what is before has mostly gone after one of them
LEAST = 512 << 10  # bytes with which it is worth while
_PLACE = 640 << 10  # bytes at each place
_FIRST, _LAST = "pyproject.toml", "setup.py"  # what is searched for, in order


def look_further(
    read: Callable[[int, int], bytes], size: int, known: int, archive: Archive, budget: int
) -> None:
    """Take in more of a gzip file of ``size`` bytes of which the first ``known`` were read.

    ``read(start, length)`` gives its bytes, ``budget`` of them may be read.
    """
    sorted_ = _in_order([name.partition("/")[0] for name in archive.names])
    start = max(known, size - min(END, budget))
    budget -= size - start
    low, high = known, start
    at, length = _behind(archive, known, high), _PLACE
    tops = _take(read(start, size - start), archive, sorted_)
    if tops and tops[0] < _FIRST:
        low = high  # it would have been in there
    empty: list[int] = []
    while sorted_ and budget >= length and high - low > _PLACE // 4 and not _found(archive):
        length = min(length, size - at)
        budget -= length
        tops = _take(read(at, length), archive, sorted_)
        if not tops:  # inside of one long member, or little is known
            empty.append(at + length // 2)
        elif tops[-1] < _FIRST:
            near, low = not _near(low, at), at + length
            if near:  # what follows may be short
                at, length = max(known, low - _PLACE // 4), _PLACE
                continue
        elif tops[0] > _FIRST:
            high = min(high - 1, at + _PLACE // 4)  # at its beginning little is known
        elif length > _PLACE:
            return
        else:  # it is in there: more of what is before makes it known
            at, length = max(known, at - 2 * _PLACE), at + length - max(known, at - 2 * _PLACE)
            continue
        at, length = _widest(low, high, empty), _PLACE


def _near(low: int, at: int) -> bool:
    return abs(at - low) < _PLACE


def _behind(archive: Archive, known: int, high: int) -> int:
    """Where the last member that was seen ends, if it is long: what is long is compressed already.

    Behind what cannot be compressed everything is known.
    """
    last = next(reversed(archive.names.values()), 0)
    if last > 3 * _PLACE and known + last < high + _PLACE:
        return max(known, min(known + last, high) - _PLACE // 2)
    return _widest(known, high, [])


def _widest(low: int, high: int, empty: list[int]) -> int:
    """A place in the middle of where nothing was tried."""
    marks = [low, *sorted(each for each in empty if low < each < high), high]
    width, start = max((other - one, one) for one, other in pairwise(marks))
    return max(low, start + (width - _PLACE) // 2)


def _found(archive: Archive) -> bool:
    """Whether what says how it is built is there."""
    said = archive.texts.get(_FIRST)
    if _LAST in archive.texts:
        return True
    return said is not None and (_LAST in archive.absent or "setuptools" not in said)


def _in_order(tops: list[str]) -> bool:
    return all(one <= other for one, other in pairwise(tops))


def _take(part: bytes, archive: Archive, sorted_: bool) -> list[str]:
    """Take in what can be known of a part. The first parts of its members' paths, in their order,
    but for some that do not belong there.
    """
    middle = Middle(part)
    for stretch in middle.stretches():
        here = Archive(root=archive.root, kept=archive.kept)
        try:
            read_tar(iter([stretch]), here)
        except ValueError:
            pass
        names = [name.partition("/")[0] for name in here.names]
        if sorted_:
            for name in (_FIRST, _LAST):
                if name not in names and any(one < name < other for one, other in pairwise(names)):
                    archive.absent.add(name)
        archive.merge(here)
    return middle.tops(archive.root or "")
