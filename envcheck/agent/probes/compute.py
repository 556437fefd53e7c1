"""What torch does when it is really run: import, devices, formats, collectives. Only ``deep``.

Everything happens in grandchildren, started as a user starts Python: PYTHONPATH, the working
directory and the user's site-packages count.
"""

from ..protocol import Field

NOT_ASKED = "not asked for: --deep"

_TRIAL = (
    Field("status", "string", "`ok error crash hang`; `unknown`: no time was left"),
    Field("seconds", "number", "Wall time of the import", unit="s"),
    Field("error", "string", "The exception: its type and what it says"),
    Field("signal", "string", "What killed it, such as `SIGILL`"),
    Field("where", "string", "Innermost Python frame: `file:line in function`"),
    Field("library", "string", "The shared object that was being loaded"),
    Field("missing", "string", "The shared object or the module that was not found"),
    Field("version", "string", "Its `__version__`"),
    Field("file", "string", "Its `__file__`"),
)

FIELDS = (
    Field("asked", "boolean", "Whether `--deep` was given"),
    Field("torch.import.status", "string", "`ok error crash hang`; absent: torch is not installed"),
    Field("torch.import.seconds", "number", "Wall time of `import torch`", unit="s"),
    Field("torch.import.error", "string", "The exception: its type and what it says"),
    Field("torch.import.signal", "string", "What killed the import, such as `SIGILL`"),
    Field("torch.import.where", "string", "Innermost Python frame of a crash, hang or error"),
    Field("torch.import.library", "string", "The shared object that was being loaded in a crash"),
    Field("torch.import.missing", "string", "The shared object or the module that was not found"),
    Field("torch.version", "string", "`torch.__version__` as imported"),
    Field("torch.file", "string", "Where it was imported from"),
    Field("torch.cuda", "string", "`torch.version.cuda`"),
    Field("torch.hip", "string", "`torch.version.hip`"),
    Field("torch.config", "strings", "Lines of `torch.__config__.show()`"),
    Field(
        "torch.arch_list", "strings", "`torch.cuda.get_arch_list()`: code for which GPUs is in it"
    ),
    Field(
        "torch.devices",
        "records",
        "Devices as torch sees them",
        item=(
            Field("kind", "string", "`cuda rocm xpu mps npu`"),
            Field("index", "integer", "torch's number of it"),
            Field("name", "string", "Its name"),
            Field("compute_capability", "string", "Of CUDA devices, such as `9.0`"),
            Field("memory", "integer", "Its memory", unit="bytes"),
            Field("error", "string", "Why it cannot be used"),
        ),
    ),
    Field("torch.numpy", "string", "`ok`, or why tensors and arrays cannot be exchanged"),
    Field("tests", "string", "`ok`, or how far the tests of torch came"),
    Field(
        "libraries",
        "records",
        "Shared libraries that torch's process had loaded in the end",
        item=(
            Field("name", "string", "`cudnn cublas cudart nccl torch mkl openblas openmp …`"),
            Field("path", "string", "The file"),
        ),
    ),
    Field(
        "dtypes",
        "records",
        "Matrix products, checked against float64",
        item=(
            Field("device", "string", "`cpu`, `cuda:0` …"),
            Field("dtype", "string", "`fp32 tf32 bf16 fp16 fp8_e4m3 fp8_e5m2 int8`"),
            Field("status", "string", "`ok`, or `error`: it was refused"),
            Field("error", "number", "Norm of the error over the norm of the product"),
            Field("ratio", "number", "Its time over that of fp32 on the same device"),
            Field("verdict", "string", "`native emulated reduced wrong unsupported unknown`"),
            Field("why", "string", "What the verdict rests on"),
        ),
    ),
    Field(
        "collectives",
        "records",
        "An all-reduce between processes",
        item=(
            Field("backend", "string", "`gloo`, `nccl`"),
            Field("status", "string", "`ok error timeout crash unknown`"),
            Field("reason", "string", "What went wrong"),
            Field("seconds", "number", "Wall time", unit="s"),
            Field("processes", "integer", "How many took part"),
        ),
    ),
    Field(
        "imports",
        "records",
        "Modules that were imported for real (`--module`)",
        item=(Field("module", "string", "Import name"),) + _TRIAL,
    ),
)


def may_run(facts, request, asked, fields, otherwise):
    """Whether the target's interpreter is to run something, which ``asked`` says.

    If not, ``fields`` after the first, ``asked``, are unknown; ``otherwise``: why if it was not.
    """
    facts.known("asked", bool(asked), "the command line")
    if asked and not request.prefix:
        return True
    outside = "the environment is examined from outside: its interpreter does not run"
    for field in fields[1:]:
        facts.unknown(field.name, outside if asked else otherwise)
    return False


def collect(facts, request):
    if may_run(facts, request, request.deep, FIELDS, NOT_ASKED):
        from . import compute_run

        compute_run.collect(facts, request)
