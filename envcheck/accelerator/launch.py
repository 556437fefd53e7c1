r"""python -m envcheck.accelerator launch [FLAGS] SCRIPT [ARGUMENTS]

Starts a training script in several processes, by default one for each device.
Flags come before the script; all after it is the script's, `--` included.
What no flag says is read from the configuration file. `-` may stand for `_`.

  --num_processes N      one for each device, if nobody says
  --mixed_precision no|fp16|bf16       of Accelerators that do not name theirs
  --gradient_accumulation_steps N      likewise
  --cpu                  use no other device
  --config_file PATH     read this configuration
  -m, --module           SCRIPT is the name of a module
  --max_restarts N       start all processes again, that often, if one fails
  --dry_run              only show what would be started

Examples:
  launch train.py --lr 0.1
  launch --num_processes 2 --cpu train.py
  launch --mixed_precision bf16 -m package.train

On several machines torchrun starts the same script.
The exit status is that of the process which failed first, 128 + n if signal n
killed it; 2 if nothing could be started.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import asdict, replace
from importlib.util import find_spec
from typing import Any

from envcheck.accelerator.config import FIELDS, Config, find, hardware, location, read

_SWITCHES = ("use_cpu", "module", "dry_run", "help")
_VALUES = ("num_processes", "mixed_precision", "gradient_accumulation_steps", "config_file",
           "max_restarts")  # fmt: skip
_SHORT = {"_m": "module", "_h": "help", "cpu": "use_cpu"}


def _key(word: str) -> str:
    key = word.partition("=")[0].removeprefix("--").replace("-", "_")
    return _SHORT.get(key, key)


def _take_flags(words: list[str]) -> dict[str, Any]:
    """The launcher's flags, which are taken off the front of ``words``."""
    flags: dict[str, Any] = {}
    while words and words[0].startswith("-") and words[0] != "--":
        word = words.pop(0)
        _, equals, value = word.partition("=")
        if _key(word) in _SWITCHES and not equals:
            flags[_key(word)] = True
        elif _key(word) in _VALUES and (equals or words):
            value = value if equals else words.pop(0)
            flags[_key(word)] = int(value) if value.isdigit() else value
        else:
            raise ValueError(
                f"{word} is no flag of launch, or lacks its value; a script's stand after it"
            )
    del words[: words[:1] == ["--"]]
    return flags


def _say(text: str) -> None:
    print(f"launch: {text}", file=sys.stderr)


def _configuration(flags: dict[str, Any]) -> Config:
    """Flags before file before defaults; says which nobody gave. Raises ValueError, OSError."""
    path = flags.get("config_file") or find()
    given = {name: value for name, value in flags.items() if name in FIELDS}
    config = replace(read(path) if path else Config(), **given)
    kind, count = hardware(cpu=config.use_cpu)
    taken = [] if path or "mixed_precision" in flags else ["--mixed_precision no"]
    if config.num_processes is None:
        config = replace(config, num_processes=count)
        taken.append(f"--num_processes {count} ({count} {kind})")
    each = config.num_processes or 1
    if each > 1 and "OMP_NUM_THREADS" not in os.environ:
        os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // each))
        taken.append(f"OMP_NUM_THREADS={os.environ['OMP_NUM_THREADS']}")
    if taken:
        _say("not given, so taken: " + ", ".join(taken))
    if count > 1 and not path:
        _say(f"{count} devices, but no configuration file: nothing is at {location()}")
    return config


def main(argv: list[str]) -> int:
    """Start what ``launch ...`` asks for; returns the exit status."""
    script = argv[1:]
    try:
        flags = _take_flags(script)
        if "help" in flags or argv[:1] != ["launch"]:
            print(__doc__)
            return 0 if {"--help", "-h"} & {*argv} else 2
        if not script:
            raise ValueError("which SCRIPT? See launch --help")
        top = script[0].partition(".")[0]
        if not (find_spec(top) if "module" in flags else os.path.isfile(script[0])):
            raise ValueError(f"{script[0]} is no {'module' if 'module' in flags else 'file'} here")
        if not isinstance(flags.setdefault("max_restarts", 0), int):
            raise ValueError(f"max_restarts is a number, not {flags['max_restarts']!r}")
        config = _configuration(flags)
    except (ValueError, OSError) as error:
        _say(f"error: {error}")
        return 2
    for word in script[1 : script.index("--") if "--" in script else None]:
        if word.startswith("--") and _key(word) in (*_VALUES, *_SWITCHES[:3]):
            _say(f"{word} goes to {script[0]}: what is for launch stands before the script")
    command = [sys.executable, "-u", "-m", "envcheck.accelerator.worker"]
    command += [json.dumps(asdict(config)), *["-m"] * ("module" in flags), *script]
    if "dry_run" in flags:
        print(f"{config.num_processes} times: {shlex.join(command)}")
        return 0
    from torch.distributed.elastic.multiprocessing import SignalException

    from envcheck.accelerator.launchers import run

    try:
        words = [word.replace("$", "$$") for word in command]  # torchrun takes $ for its own
        run(config.num_processes or 1, *words, max_restarts=flags["max_restarts"])
    except RuntimeError as error:  # of a rank, or that no connection was possible
        _say(str(error))
        return getattr(error, "status", 1)
    except SignalException as error:
        _say(f"{error.sigval.name}; all have ended")
        return 128 + int(error.sigval)
    return 0
