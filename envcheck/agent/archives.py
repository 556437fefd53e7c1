"""Distributions inside an archive on the module search path: zipped eggs, an application's bundle.

``importlib.metadata`` finds them there, and so does pip; nothing of this is loaded where there is
no archive.
"""

import os
import zlib

from . import metadata

_ENTRIES = 20000  # entries looked at in one archive
_LIMIT = 1 << 20  # bytes of METADATA that are looked at


def distributions(path):
    """Records of what the archive ``path`` holds; none if it is no archive or cannot be read."""
    import zipfile

    found = []
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist()[:_ENTRIES]:
                folder, _, file = name.rpartition("/")
                if _describes(folder, file):
                    found.append(_record(archive, path, folder, name))
    except (OSError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error):
        pass  # Python cannot import from it either; RuntimeError: encrypted, or not implemented
    return found


def _describes(folder, file):
    if file == "METADATA":
        return folder.endswith(".dist-info") and "/" not in folder
    egg = folder == "EGG-INFO" or (folder.endswith(".egg-info") and "/" not in folder)
    return file == "PKG-INFO" and egg


def _record(archive, path, folder, name):
    with archive.open(name) as stream:
        data = stream.read(_LIMIT)
    stem = os.path.basename(path) if folder == "EGG-INFO" else folder
    named, versioned = metadata.split_name(stem.rpartition(".")[0])
    text, problems, size = metadata.header_in(data, archive.getinfo(name).file_size)
    base = path + os.sep + folder
    record = metadata.described(path, base, text, problems, named, versioned)
    record.update(format="archive", metadata_size=size)
    requires = folder + "/requires.txt"
    if not record["requires"] and requires in archive.NameToInfo:
        with archive.open(requires) as stream:
            lines = stream.read(_LIMIT).decode("utf-8", "backslashreplace")
        record["requires"] = metadata.requires_txt(lines)
    return record
