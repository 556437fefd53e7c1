"""The probes, in the order in which they run. Adding one: one file in ``probes/``, one line here.

Each entry: name (the prefix of its facts), module, deadline in seconds. A probe's module has
``FIELDS`` (a tuple of ``protocol.Field``) and ``collect(facts, request)``.
"""

PROBES = (
    ("interpreter", "interpreter", 5.0),
    ("host", "host", 5.0),
    ("limits", "limits", 5.0),
    ("distributions", "distributions", 15.0),
    ("nvidia", "nvidia", 15.0),
    ("devices", "devices", 5.0),
    ("torch", "torch_static", 5.0),
    ("libraries", "libraries", 5.0),
    ("toolchain", "toolchain", 5.0),
    ("network", "network", 5.0),
    ("credentials", "credentials", 5.0),
    ("launch", "launch", 5.0),
    ("compute", "compute", 30.0),
    ("smoke", "smoke", 450.0),  # a script of the user's may take what the whole sheet may
)
