"""The probes, in the order in which they run. Adding one: one file in ``probes/``, one line here.

Each entry: name (the prefix of its facts), module, deadline in seconds. A probe's module has
``FIELDS`` (a tuple of ``protocol.Field``) and ``collect(facts, request)``.
"""

PROBES = (
    ("interpreter", "interpreter", 5.0),
    ("host", "host", 5.0),
)
