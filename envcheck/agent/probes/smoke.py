"""Tiny models really trained, or a script of the user's run. Only ``smoke``.

It happens in a grandchild, started as a user starts Python; see ``smoke_run``.
"""

from ..protocol import Field
from .compute import may_run

NOT_ASKED = "not asked for: --deep, or `envcheck smoke`"

FIELDS = (
    Field("asked", "boolean", "Whether smoke training was asked for"),
    Field("status", "string", "`pass fail skip unknown`: all parts together"),
    Field("reason", "string", "Why it is not `pass`"),
    Field("seconds", "number", "Wall time of everything, imports included", unit="s"),
    Field("import.seconds", "number", "Wall time of `import torch`", unit="s"),
    Field("torch", "string", "`torch.__version__` as imported"),
    Field(
        "parts",
        "records",
        "What was tried, in order",
        item=(
            Field("part", "string", "`processes mlp transformer resume compile`, or `script`"),
            Field("status", "string", "`pass fail skip unknown`"),
            Field("reason", "string", "Why, where there is something to say"),
            Field("device", "string", "`cpu`, `cuda:0` …"),
            Field("dtype", "string", "`fp32 bf16 fp16`"),
            Field("model", "string", "Which model was trained"),
            Field("emulated", "boolean", "Whether the device only emulates the dtype"),
            Field("seconds", "number", "Wall time", unit="s"),
            Field("cpu_seconds", "number", "Processor time", unit="s"),
            Field("steps", "integer", "Optimizer steps taken"),
            Field("processes", "integer", "How many took part"),
            Field("first_loss", "number", "Before training"),
            Field("last_loss", "number", "After training"),
            Field("wanted", "number", "What the last loss had to come to"),
            Field("output", "string", "The end of what a script printed"),
        ),
    ),
)


def collect(facts, request):
    if may_run(facts, request, request.smoke, FIELDS, NOT_ASKED):
        from . import smoke_run

        smoke_run.collect(facts, request)
