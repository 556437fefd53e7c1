"""What a training is started with: the launcher's flags, or a configuration file.

The files are Accelerate's and lie where it looks, so that each reads what the other wrote.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

PRECISIONS = ("no", "fp16", "bf16")
#: What keys that are not ours may say, because it is what happens here anyway.
_NOTHING = """None False no [] {} LOCAL_MACHINE all main static c10d
NO MULTI_CPU MULTI_GPU MULTI_XPU MULTI_NPU"""
_ONE_MACHINE = {"num_machines": 1, "machine_rank": 0, "same_network": True}
_REMEDY = "Correct or remove that line, or start the script with `accelerate launch`."
_WORDS = {"": None, "~": None, "null": None, "true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True)
class Config:
    """What a training is started with; None: nobody has said. Raises ValueError for nonsense."""

    mixed_precision: str = "no"
    num_processes: int | None = None
    use_cpu: bool = False
    gradient_accumulation_steps: int | None = None

    def __post_init__(self) -> None:
        for name in ("num_processes", "gradient_accumulation_steps"):
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < 1):
                raise ValueError(f"{name} is an integer of at least 1, not {value!r}")
        if self.mixed_precision not in PRECISIONS or type(self.use_cpu) is not bool:
            what = f"mixed_precision: {self.mixed_precision}, use_cpu: {self.use_cpu}"
            raise ValueError(f"not one of {', '.join(PRECISIONS)}, or not true or false: {what}")


FIELDS = tuple(Config.__dataclass_fields__)
_launched: Config | None = None


def adopt(config: Config | None) -> None:
    """Let the Accelerators of this process take what they are not told from ``config``."""
    global _launched
    _launched = config


def launched() -> Config | None:
    """What this process was launched with; None if no launcher of ours has started it."""
    return _launched


def location() -> str:
    """Where the configuration file is looked for, and written."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
    home = os.environ.get("HF_HOME") or os.path.join(cache, "huggingface")
    path = os.path.expanduser(os.path.join(home, "accelerate", "default_config.yaml"))
    old = path[:-4] + "json"
    default = old if os.path.isfile(old) and not os.path.isfile(path) else path
    return os.path.expanduser(os.environ.get("ACCELERATE_CONFIG_FILE") or default)


def find() -> str | None:
    """The configuration file, or None; FileNotFoundError if the environment names a missing one."""
    path = location()
    if not os.path.isfile(path) and os.environ.get("ACCELERATE_CONFIG_FILE"):
        raise FileNotFoundError(f"$ACCELERATE_CONFIG_FILE names {path}: there is no such file")
    return path if os.path.isfile(path) else None


def read(path: str) -> Config:
    """What a file says, which is JSON, whatever its name, or flat YAML.

    Raises OSError if it cannot be read, and ValueError that names the file, the key and the remedy
    if it asks for something that is unknown or not done here.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        return _config(json.loads(text) if text.lstrip()[:1] == "{" else _flat(text))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _flat(text: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(" #")[0].partition(":")
        if not key.strip() or key[0] == "#" or key == "---":
            continue
        if not colon or key[0] in " -" or key in values:
            below = "".join([*values][-1:])
            raise ValueError(f"`{line}` (after `{below}`) is no new, flat `key: value`. {_REMEDY}")
        text = value.strip()
        word = _WORDS.get(text.lower(), text.strip("'\""))
        values[key] = int(text) if text.isdigit() else word
    return values


def _config(values: dict[str, Any]) -> Config:
    own = {key: said for key, said in values.items() if key in FIELDS and said is not None}
    for key in values.keys() - own.keys():
        if str(values[key]) not in _NOTHING.split() and _ONE_MACHINE.get(key) != values[key]:
            raise ValueError(f"`{key}: {values[key]}` is unknown or not done here. {_REMEDY}")
    if values.get("distributed_type") in (False, "NO") and own.get("num_processes", 1) != 1:
        raise ValueError("`distributed_type: NO` is for `num_processes: 1`. Change one of them.")
    own["mixed_precision"] = own.get("mixed_precision") or "no"
    return Config(**{"use_cpu": values.get("distributed_type") == "MULTI_CPU", **own})


def hardware(*, cpu: bool = False) -> tuple[str, int]:
    """Kind and number of the devices that this machine computes on; its CPU is one."""
    from envcheck.accelerator import devices

    kind = next((kind for kind in devices.ORDER if not cpu and devices.count(kind)), "cpu")
    return kind, devices.count(kind)


def write_basic_config(mixed_precision: str = "no", save_location: Any = None) -> Any:
    """Write a configuration for the devices of this machine, and return its ``Path``.

    A file that is there is kept and False returned. Raises ValueError for an unknown precision.
    """
    from pathlib import Path

    path, (kind, count) = Path(save_location or location()), hardware()
    many = f"MULTI_{'GPU' if kind == 'cuda' else kind.upper()}" if count > 1 else "NO"
    values = {"compute_environment": "LOCAL_MACHINE", "distributed_type": many}
    own = Config(mixed_precision.lower(), count, kind == "cpu")
    values.update({name: said for name, said in vars(own).items() if said is not None})
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(values, indent=2) + "\n")
    except FileExistsError:
        print(f"Configuration already exists at {path}, will not override: remove it first.")
        return False
    return path
