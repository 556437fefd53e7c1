"""What directories hold: distributions, leftovers, .pth files, import names."""

import os

from . import metadata, origins, pth, record


class Scan:
    """All directories, one after another. ``names``: {directory: {import name: path}}."""

    def __init__(self):
        self.records = []
        self.claims = []  # (record, [(path, hash)]) of files that others might claim too
        self.contested = False  # two of the claims differ
        self.together = {}  # (directory, canonical name) -> records
        self.leftovers = []
        self.pth = []
        self.unreadable = []
        self.names = {}
        self.found = []  # (directory, entry name, origin); of an archive its record for the name
        self.seen = set()

    def directory(self, folder, origin):
        """List one directory; what it holds is read later."""
        real = os.path.realpath(folder)
        if real in self.seen:
            return
        self.seen.add(real)
        if folder.endswith(".egg") and os.path.isdir(os.path.join(folder, "EGG-INFO")):
            self.found.append((folder, "EGG-INFO", origin))
        try:
            names = sorted(os.listdir(folder))
        except NotADirectoryError:
            self._archive(folder, origin)
            return
        except OSError as error:
            text = "%s: %s" % (folder, error.strerror or error)
            self.unreadable.append(metadata.clean(text))
            return
        present = self.names.setdefault(folder, {}) if origin in ("site", "user-site") else None
        for name in names:
            if name.endswith((".dist-info", ".egg-info", ".egg-link")):
                if not name.startswith("~"):
                    self.found.append((folder, name, origin))
                    continue
            elif name.endswith(".pth"):
                if present is not None and not name.startswith("."):
                    self.pth.append(pth.examine(folder, name))
                continue
            if name.startswith("~"):
                self.leftovers.append(_leftover(os.path.join(folder, name)))
            elif present is not None:
                imported = origins.import_name(name)
                if imported:
                    present[imported] = folder + os.sep + name

    def _archive(self, path, origin):
        from .archives import distributions

        self.found += [(path, record, origin) for record in distributions(path)]

    def read(self):
        """Read what was found into records; the first of a name on the path is the one in use."""
        first, owners = set(), {}
        for folder, name, origin in self.found:
            item = _one(folder, name) if isinstance(name, str) else name
            item["origin"] = origin
            key = (item["name"] or "").lower().replace("_", "-").replace(".", "-")
            item["shadowed"] = key in first
            first.add(key)
            if item["format"] == "dist-info":
                self.together.setdefault((folder, key), []).append(item)
                claims = record.quick(item)
                self.claims.append((item, claims))
                for path, digest in claims:
                    if owners.setdefault((folder, path), digest) != digest:
                        self.contested = True
            self.records.append(item)


def _leftover(path):
    text = metadata.header(os.path.join(path, "METADATA"))[0] if path.endswith("-info") else ""
    name, version = metadata.value(text, "Name"), metadata.value(text, "Version")
    return {"path": metadata.clean(path), "name": name, "version": version}


def _one(folder, name):
    if name.endswith(".dist-info"):
        return metadata.dist_info(folder, name)
    if not name.endswith(".egg-link"):
        return metadata.egg_info(folder, name)
    data, _ = metadata.read(os.path.join(folder, name), 1 << 12)
    place = (data or b"").decode("utf-8", "backslashreplace").strip().partition("\n")[0].strip()
    stem = name[: -len(".egg-link")]
    inside = os.path.join(place, stem.replace("-", "_") + ".egg-info")
    item = metadata.egg_info(place or folder, os.path.basename(inside))
    item["name"] = item["name"] or metadata.clean(stem)
    item.update(format="egg-link", editable=True, path=metadata.clean(os.path.join(folder, name)))
    metadata.source_missing(item, place)
    return item
