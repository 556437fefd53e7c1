"""What the agent can observe: every probe's declared fields, as one JSON object."""

import os
from importlib import import_module

from .registry import PROBES

SCHEMA = "envcheck.fields/1"


def document():
    """``{"schema": …, "probes": [{"name", "doc", "fields": [{"key", "type", "doc", …}]}]}``."""
    return {"schema": SCHEMA, "probes": [_probe(name, module) for name, module, _ in PROBES]}


def write(fd):
    """Print the document on ``fd``."""
    import json

    data = json.dumps(document()).encode("ascii") + b"\n"
    while data:
        data = data[os.write(fd, data) :]


def _probe(name, module):
    probe = import_module("." + module, __package__ + ".probes")
    doc = (probe.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
    fields = [_field(field, name + ".") for field in probe.FIELDS]
    return {"name": name, "doc": doc, "fields": fields}


def _field(field, prefix=""):
    entry = {"key": prefix + field.name, "type": field.type, "doc": field.doc}
    if field.unit:
        entry["unit"] = field.unit
    if field.item:
        entry["item"] = [_field(inner) for inner in field.item]
    return entry
