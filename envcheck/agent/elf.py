"""What the dynamic loader reads of a shared object, read without loading it.

A few ``pread`` calls whatever the file's size, every offset and count bounded: libtorch_cuda.so has
more than a gigabyte, and a file on the path may be truncated or made to hurt.
"""

import os
import stat

_HEADERS = 128  # program headers read at most
_ENTRIES = 4096  # entries of the dynamic section read at most
_STRING = 8192  # bytes of one name or search path at most
_LOAD, _DYNAMIC, _INTERP = 1, 2, 3
_NEEDED, _STRTAB, _SONAME, _RPATH, _RUNPATH = 1, 5, 14, 15, 29
_MACHINES = {
    3: "i386",
    40: "arm",
    62: "x86_64",
    183: "aarch64",
    21: "ppc64",
    22: "s390x",
    243: "riscv64",
}


class Elf:
    """``machine`` as uname says it, ``flags`` as in the header; ``needed`` sonames in order;
    ``rpath``, ``runpath`` folders.

    ``problem`` is empty, or says why less than all of it could be read (``truncated`` …).
    """

    __slots__ = (
        "bits",
        "flags",
        "interpreter",
        "machine",
        "needed",
        "problem",
        "rpath",
        "runpath",
        "soname",
    )

    def __init__(self):
        self.bits = 0
        self.flags = 0
        self.machine = ""
        self.interpreter = ""
        self.soname = ""
        self.needed = []
        self.rpath = []
        self.runpath = []
        self.problem = ""


def read(path):
    """The Elf at ``path``; None if it cannot be read or is no ELF file. Raises nothing."""
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or not hasattr(os, "pread"):
            return None
        return _read(fd, status.st_size)
    except OSError:
        return None
    finally:
        os.close(fd)


def _read(fd, size):
    head = os.pread(fd, 64, 0)
    if len(head) < 52 or head[:4] != b"\x7fELF" or head[4] not in (1, 2) or head[5] not in (1, 2):
        return None
    elf = Elf()
    elf.bits = 64 if head[4] == 2 else 32
    order = "little" if head[5] == 1 else "big"
    wide = elf.bits == 64

    def number(data, at, length):
        return int.from_bytes(data[at : at + length], order)

    elf.machine = _MACHINES.get(number(head, 18, 2), str(number(head, 18, 2)))
    elf.flags = number(head, 48 if wide else 36, 4)
    word = 8 if wide else 4
    table = number(head, 32 if wide else 28, word)
    step = number(head, 54 if wide else 42, 2)
    count = min(number(head, 56 if wide else 44, 2), _HEADERS)
    if step < (56 if wide else 32) or step > 256:
        elf.problem = "damaged program headers"
        return elf
    data = _slice(fd, table, step * count, size)
    segments = []
    for at in range(0, len(data) - step + 1, step):
        row = data[at : at + step]
        if wide:
            fields = number(row, 8, 8), number(row, 16, 8), number(row, 32, 8)
        else:
            fields = number(row, 4, 4), number(row, 8, 4), number(row, 16, 4)
        segments.append((number(row, 0, 4),) + fields)  # type, offset, address, size in the file
    if len(segments) < count:
        elf.problem = "truncated"
    for kind, offset, _, length in segments:
        if kind == _INTERP:
            elf.interpreter = _text(_slice(fd, offset, min(length, _STRING), size))
        elif kind == _DYNAMIC:
            section = _slice(fd, offset, min(length, _ENTRIES * 2 * word), size)
            if len(section) < min(length, _ENTRIES * 2 * word):
                elf.problem = "truncated"
            pairs = [
                (number(section, at, word), number(section, at + word, word))
                for at in range(0, len(section) - 2 * word + 1, 2 * word)
            ]
            _dynamic(elf, fd, size, pairs, segments)
    if any(kind == _LOAD and offset + length > size for kind, offset, _, length in segments):
        elf.problem = "truncated"
    return elf


def _dynamic(elf, fd, size, pairs, segments):
    strings = None
    for tag, value in pairs:
        if tag == 0:
            break
        if tag == _STRTAB:
            strings = _offset(value, segments)
    if strings is None:
        return
    for tag, value in pairs:
        if tag == 0:
            break
        if tag not in (_NEEDED, _SONAME, _RPATH, _RUNPATH) or len(elf.needed) >= 256:
            continue
        text = _text(_slice(fd, strings + value, _STRING if tag >= _RPATH else 512, size))
        if tag == _NEEDED:
            elf.needed.append(text)
        elif tag == _SONAME:
            elf.soname = text
        elif tag == _RPATH:
            elf.rpath = text.split(":")
        else:
            elf.runpath = text.split(":")


def _offset(address, segments):
    for kind, offset, start, length in segments:
        if kind == _LOAD and start <= address < start + length:
            return offset + address - start
    return None


def _slice(fd, offset, length, size):
    if length <= 0 or offset < 0 or offset >= size:
        return b""
    return os.pread(fd, min(length, size - offset), offset)


def _text(data):
    return data.partition(b"\0")[0].decode("utf-8", "surrogateescape")
