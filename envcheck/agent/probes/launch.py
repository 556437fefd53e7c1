"""How training would be launched: Accelerate's and DeepSpeed's configuration, launcher variables.

What they say is reported from allow-lists: commands, hosts and environments in them may be secret.
"""

import os

from ..protocol import Field, read_text

_STATUS = "`ok unreadable malformed empty unknown` (`unknown`: more than this reader understands)"

FIELDS = (
    Field("accelerate.config", "string", "The file that `accelerate launch` would read"),
    Field("accelerate.config.status", "string", _STATUS),
    Field("accelerate.config.error", "string", "Why it cannot be used"),
    Field(
        "accelerate.config.format", "string", "`json` or `yaml`: what is in it, whatever its name"
    ),
    Field(
        "accelerate.config.values", "map", "Settings, nested ones with a dot, from an allow-list"
    ),
    Field("accelerate.config.keys", "strings", "Every key at the top"),
    Field("accelerate.keys", "strings", "The keys that the installed Accelerate accepts"),
    Field(
        "deepspeed.configs",
        "records",
        "DeepSpeed configuration files",
        item=(
            Field("path", "string", "The file"),
            Field("source", "string", "Who names it, or `working directory`"),
            Field("status", "string", "`ok missing unreadable malformed`"),
            Field("error", "string", "Why it cannot be used"),
            Field("values", "map", "Settings, nested ones with a dot, from an allow-list"),
        ),
    ),
    Field("variables", "map", "Launcher variables: a number or a switch as it is, else `set`"),
)

_TOP = (
    "compute_environment",
    "debug",
    "distributed_type",
    "downcast_bf16",
    "dynamo_backend",
    "enable_cpu_affinity",
    "fp16",
    "gpu_ids",
    "machine_rank",
    "mixed_precision",
    "num_machines",
    "num_processes",
    "rdzv_backend",
    "same_network",
    "use_cpu",
)
_NESTED = (
    "deepspeed_config",
    "dynamo_config",
    "fp8_config",
    "fsdp_config",
    "megatron_lm_config",
    "parallelism_config",
)
_DEEPSPEED = (
    "bf16.enabled",
    "fp16.enabled",
    "gradient_accumulation_steps",
    "gradient_clipping",
    "optimizer.type",
    "train_batch_size",
    "train_micro_batch_size_per_gpu",
    "zero_optimization.offload_optimizer.device",
    "zero_optimization.offload_param.device",
    "zero_optimization.stage",
)
_VARIABLES = (
    "RANK",
    "WORLD_SIZE",
    "LOCAL_RANK",
    "LOCAL_WORLD_SIZE",
    "MASTER_ADDR",
    "MASTER_PORT",
    "OMP_NUM_THREADS",
    "ACCELERATE_MIXED_PRECISION",
    "ACCELERATE_USE_CPU",
    "ACCELERATE_USE_DEEPSPEED",
    "ACCELERATE_USE_FSDP",
    "ACCELERATE_DYNAMO_BACKEND",
    "GLOO_SOCKET_IFNAME",
    "NCCL_SOCKET_IFNAME",
    "NCCL_P2P_DISABLE",
    "NCCL_IB_DISABLE",
)
_SWITCHES = ("true", "false", "yes", "no", "on", "off", "bf16", "fp16", "fp8", "inductor")


def collect(facts, request):
    variables = {name: _public(os.environ[name]) for name in _VARIABLES if name in os.environ}
    facts.known("variables", variables, "environment")
    values = _accelerate(facts)
    facts.known(
        "deepspeed.configs", _deepspeed(values), "Accelerate's configuration, variables, files"
    )


def _public(value):
    bare = value.strip()
    is_plain = (bare.lstrip("-").isdigit() and len(bare) < 12) or bare.lower() in _SWITCHES
    return bare if is_plain else "set"


def accelerate_config():
    """(path, source) of the configuration that Accelerate reads without ``--config_file``."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("HF_HOME", os.path.join(cache, "huggingface"))
    source = "HF_HOME" if "HF_HOME" in os.environ else "the default cache directory"
    return os.path.join(os.path.expanduser(home), "accelerate", "default_config.yaml"), source


def _accelerate(facts):
    """Facts about Accelerate's configuration; returns all of its values (not for the sheet)."""
    path, source = accelerate_config()
    if not os.path.isfile(path):
        for field in FIELDS:
            if field.name.startswith("accelerate."):
                facts.absent(field.name, "%s, by %s" % (path, source))
        return {}
    facts.known("accelerate.config", path, source)
    status, error, form, values = read_config(path)
    facts.known("accelerate.config.status", status, path)
    facts.found("accelerate.config.error", error, path)
    facts.found("accelerate.config.format", form, path)
    accepted = _accepted_keys()
    if accepted:
        facts.known("accelerate.keys", accepted, "accelerate/commands/config/config_args.py")
    else:
        facts.absent("accelerate.keys", "sys.path")
    if status == "ok":
        facts.known("accelerate.config.values", _allowed(values), path)
        facts.known("accelerate.config.keys", sorted(set(map(_key, values))), path)
        return values
    for name in ("values", "keys"):
        facts.unknown("accelerate.config." + name, error or status, path)
    return {}


def read_config(path):
    """(status, error, format, values) of a file of Accelerate's, JSON or YAML.

    Accelerate's YAML reader takes JSON as well, and ``accelerate config default`` writes it.
    """
    text = read_text(path, 1 << 18)
    if text is None:
        return "unreadable", "the file cannot be read", None, {}
    if not text.strip():
        return "empty", "the file is empty", None, {}
    if text.lstrip()[0] == "{":
        values, error = _json(text)
        if error is None:
            return "ok", None, "json", values
    from . import flat_yaml

    try:
        values = flat_yaml.parse(text)
    except flat_yaml.MalformedError as problem:
        return "malformed", str(problem), "yaml", {}
    except flat_yaml.UnsureError as problem:
        return _ask_pyyaml(path, str(problem))
    if values is None:
        return "empty", "there is nothing but comments in the file", "yaml", {}
    return "ok", None, "yaml", values


def _ask_pyyaml(path, doubt):
    """The target's own YAML reader decides what the small one does not understand."""
    from ..protocol import isolated

    answer, outcome = isolated(_load_yaml, 5.0, path).wait()
    if "error" in answer:
        return "malformed", answer["error"], "yaml", {}
    if isinstance(answer.get("values"), dict):
        return "ok", None, "yaml", answer["values"]
    reason = answer.get("reason") or outcome.reason("PyYAML") or "it is no mapping"
    if "values" in answer:
        return "malformed", "it is no mapping", "yaml", {}
    return "unknown", "%s; %s" % (doubt, reason), "yaml", {}


def _load_yaml(emit, path):
    import json

    try:
        import yaml
    except Exception as error:
        emit(reason="no PyYAML to ask: %s" % type(error).__name__)
        return
    try:
        with open(path, encoding="utf-8") as file:
            values = yaml.safe_load(file)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "line %d: " % (mark.line + 1) if mark else ""
        emit(error=where + str(getattr(error, "problem", None) or "no YAML"))
        return
    emit(values=json.loads(json.dumps(values, default=str)))


def _json(text):
    """(mapping, None) or ({}, what is wrong)."""
    import json

    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        # not the whole message: it may quote the text
        where = " at line %d" % error.lineno if hasattr(error, "lineno") else ""
        return {}, "%s%s" % (getattr(error, "msg", "it is nested too deeply"), where)
    return (values, None) if isinstance(values, dict) else ({}, "it is no mapping")


def _key(name):
    """A key as it is if it can be a setting's: anything else may be a value in the wrong place."""
    is_plain = isinstance(name, str) and name.isidentifier() and name == name.lower()
    return name if is_plain and len(name) <= 60 else "(a key of another form)"


def _allowed(values):
    found = {name: values[name] for name in _TOP if _is_scalar(values.get(name, ...))}
    for name in _NESTED:
        nested = values.get(name)
        if isinstance(nested, dict):
            for key, value in nested.items():
                if _is_scalar(value):
                    found["%s.%s" % (name, key)] = value
    return found


def _is_scalar(value):
    if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):
        return False
    return value is None or (isinstance(value, (bool, int, float, str)) and len(str(value)) <= 300)


def _accepted_keys():
    """Keys of the installed Accelerate's configuration, from its source; None if not found."""
    import sys

    for folder in sys.path:
        path = os.path.join(folder, "accelerate", "commands", "config", "config_args.py")
        if folder and os.path.isfile(path):
            keys = _class_fields(read_text(path) or "", ("BaseConfig", "ClusterConfig"))
            # what it converts from older formats before it looks
            return sorted(keys + ["dynamo_backend", "fp16"]) if len(keys) > 5 else None
    return None


def _class_fields(source, classes):
    keys = []
    inside = False
    for line in source.splitlines():
        if line.startswith("class "):
            inside = line[6:].partition("(")[0].partition(":")[0].strip() in classes
        elif inside and line.startswith("    ") and line[4:5].isalpha():
            name, colon, _ = line[4:].partition(":")
            if colon and name.isidentifier() and name != "else":
                keys.append(name)
    return keys


def _deepspeed(values):
    """Records of the DeepSpeed configurations that are named or lie in the working directory."""
    named = []
    section = values.get("deepspeed_config")
    if isinstance(section, dict) and isinstance(section.get("deepspeed_config_file"), str):
        named.append((section["deepspeed_config_file"], "Accelerate's configuration"))
    variable = os.environ.get("ACCELERATE_DEEPSPEED_CONFIG_FILE")
    if variable and variable != "none":
        named.append((variable, "ACCELERATE_DEEPSPEED_CONFIG_FILE"))
    try:
        here = sorted(name for name in os.listdir(".") if _is_deepspeed_name(name))
    except OSError:
        here = []
    named += [(name, "working directory") for name in here]
    return [_deepspeed_record(path, source) for path, source in named if path != "none"]


def _is_deepspeed_name(name):
    return name.endswith(".json") and name.startswith(("ds_config", "deepspeed"))


def _deepspeed_record(path, source):
    record = {"path": path, "source": source, "status": "ok", "error": None, "values": {}}
    if not os.path.isfile(path):
        return dict(record, status="missing", error="there is no such file")
    text = read_text(path, 1 << 18)
    if text is None:
        return dict(record, status="unreadable", error="the file cannot be read")
    values, error = _json(text)
    if error:
        return dict(record, status="malformed", error=error)
    found = {}
    for name in _DEEPSPEED:
        value = values
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None and _is_scalar(value):
            found[name] = value
    return dict(record, values=found)
