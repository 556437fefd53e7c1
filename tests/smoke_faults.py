"""Runs the smoke in processes of their own, in which something of torch or the system is broken.

Each fault is a function that is called there before ``run``. They change what lies below the
smoke: torch's kernels and classes, the compiler, files, processes.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = dict[str, Any]

DEADLINE = 120.0  # seconds; far more than anything takes


def smoke(
    *parts: str, fault: Callable[..., None] | None = None, args: Any = (), seconds: float = 60.0
) -> list[Record]:
    """The records of a run with ``fault(*args)``; those that say "running" are checked and left."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "torch._dynamo"])  # importing them takes two seconds
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(theirs, parts, fault, args, seconds))
    process.start()
    theirs.close()
    records = []
    try:
        while ours.poll(DEADLINE):
            records.append(ours.recv())
    except EOFError:
        process.join(DEADLINE)
    finally:
        process.kill()
        process.join()
    begun, ended = records[::2], records[1::2]
    assert process.exitcode == 0, records
    assert [record.pop("status") for record in begun] == ["running"] * len(ended)
    assert all(first.items() <= last.items() for first, last in zip(begun, ended, strict=True))
    assert all("cpu_seconds" in record for record in ended)
    return ended


def _run(pipe: Any, parts: Any, fault: Any, args: Any, seconds: float) -> None:
    if fault is not None:
        fault(*args)
    from envcheck.smoke import run

    run(pipe.send, parts or None, seconds)


# -- torch ------------------------------------------------------------------------------------


def kernels_return(value: float, *names: str) -> None:
    """The CPU's products are full of ``value``."""
    import torch

    library = torch.library.Library("aten", "IMPL")
    kept.append(library)

    def made(make: Any) -> Any:
        return lambda *args, **_: make(*args).fill_(value)

    makes = {
        "mm": lambda a, b: a.new_empty(a.shape[0], b.shape[1]),
        "addmm": lambda _, a, b: a.new_empty(a.shape[0], b.shape[1]),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            library.impl(name, made(makes[name]), "CPU")


kept: list[Any] = []


def attention_sees_nothing_but_itself() -> None:
    from torch.nn import functional

    functional.scaled_dot_product_attention = lambda query, key, value, **_: value


def optimizers_do_nothing() -> None:
    import torch

    torch.optim.AdamW.step = torch.optim.SGD.step = lambda *_: None


def autocast_does_nothing() -> None:
    import torch

    torch.autocast.__enter__ = lambda self: self
    torch.autocast.__exit__ = lambda *_: None


def scaled_gradients_overflow() -> None:
    import torch

    scale = torch.amp.GradScaler.scale
    torch.amp.GradScaler.scale = lambda self, loss: scale(self, loss) * float("inf")


def generators_are_not_restored() -> None:
    import torch

    torch.set_rng_state = torch.random.set_rng_state = lambda _: None


def optimizers_load_nothing() -> None:
    import torch

    torch.optim.Optimizer.load_state_dict = lambda *_: None


def saved_with_three_digits() -> None:
    """What is saved has lost precision, as on a device with bad memory, or through a wrong cast."""
    import torch

    save = torch.save

    def rounded(value: Any) -> Any:
        if isinstance(value, dict):
            return type(value)((key, rounded(item)) for key, item in value.items())
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            return value.bfloat16().float()
        return value

    torch.save = lambda value, *args, **options: save(rounded(value), *args, **options)
    sys.modules["safetensors"] = None  # type: ignore[assignment]


def devices_that_do_not_work() -> None:
    """Two, of a kind that this torch was not built for, seem to be there."""
    import torch

    torch.cuda.is_available = lambda: False
    torch.xpu.is_available = lambda: True
    torch.xpu.device_count = lambda: 2
    current = [0]
    torch.xpu.current_device = lambda: current[-1]
    torch.xpu.set_device = lambda device: current.append(getattr(device, "index", device))


# -- processes --------------------------------------------------------------------------------


def _in_the_second(act: Callable[[], Any]) -> None:
    from torch.nn import functional

    entropy = functional.cross_entropy

    def first_act(*args: Any) -> Any:
        if os.environ.get("RANK") == "1":
            act()
        return entropy(*args)

    functional.cross_entropy = first_act


def second_is_killed() -> None:
    _in_the_second(lambda: os.kill(os.getpid(), signal.SIGKILL))


def second_ends() -> None:
    _in_the_second(lambda: os._exit(3))


def second_raises() -> None:
    def act() -> None:
        raise MemoryError("nothing is left")

    _in_the_second(act)


def second_hangs() -> None:
    from envcheck.smoke import processes

    processes.LONGEST = 6.0
    _in_the_second(lambda: time.sleep(60))


def second_steps_further() -> None:
    import torch

    step = torch.optim.SGD.step

    def far(self: Any, *args: Any) -> None:
        if os.environ.get("RANK") == "1":
            self.param_groups[0]["lr"] = 0.31
        step(self, *args)

    torch.optim.SGD.step = far


def losses_differ_among_many() -> None:
    """Both processes compute the same, which one alone does not."""
    from torch import distributed
    from torch.nn import functional

    entropy = functional.cross_entropy

    def of_both(logits: Any, targets: Any) -> Any:
        if distributed.is_initialized():
            return entropy(logits, targets) * 1.001
        return entropy(logits, targets)

    functional.cross_entropy = of_both


def nobody_may_wait() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def no_fork() -> None:
    del os.fork


def no_more_processes() -> None:
    """Of a user who is not root, whatever files root alone can read."""
    import resource

    class Header(ctypes.Structure):
        _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))

    os.setresuid(65534, 0, 0)  # the limit is of the real user …
    files = 0b1111  # … and nobody with capabilities beyond those over files is exempt
    data = (ctypes.c_uint32 * 6)(files, files, 0, 0, 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.capset(ctypes.byref(Header(0x20080522, 0)), data) == 0, ctypes.get_errno()
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))


# -- the system -------------------------------------------------------------------------------


def variables(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def compiler(path: str) -> None:
    """The compiler that ``CXX`` named when torch was imported."""
    from torch._inductor import config

    os.environ["CXX"] = path
    config.cpp.cxx = (None, path)


def compiled_code_is_wrong() -> None:
    from torch._inductor import config

    config.cpp.inject_relu_bug_TESTING_ONLY = "accuracy"


def errors_of_compiling_are_hidden(path: str) -> None:
    import torch._dynamo

    torch._dynamo.config.suppress_errors = True
    compiler(path)


def disk_of(size: str, path: str) -> None:
    """A small file system at ``path``, of this process alone, for temporary files."""
    _mount(b"none", path, b"tmpfs", 0, f"size={size}".encode())
    _temporary_files_in(path)


def read_only(*paths: str) -> None:
    """Nothing can be written at ``paths``, by this process alone."""
    bind, remount_read_only = 0x1000 | 0x4000, 0x1000 | 0x20 | 0x1
    for path in paths:
        _mount(path.encode(), path, None, bind, None)
        _mount(None, path, None, remount_read_only, None)
    _temporary_files_in(paths[0])


def _mount(source: bytes | None, path: str, kind: bytes | None, flags: int, data: Any) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if not kept:
        new_namespace, private = 0x20000, 0x44000
        assert libc.unshare(new_namespace) == 0, ctypes.get_errno()
        assert libc.mount(None, b"/", None, private, None) == 0
        kept.append("a namespace")
    assert libc.mount(source, path.encode(), kind, ctypes.c_ulong(flags), data) == 0, path


def _temporary_files_in(path: str) -> None:
    import tempfile

    os.chdir(path)
    os.environ["TMPDIR"] = path
    tempfile.tempdir = None


def output_closed() -> None:
    os.close(1)
    os.close(2)


def warnings_are_errors() -> None:
    warnings.simplefilter("error")


def threads(number: int) -> None:
    import torch

    torch.set_num_threads(number)


def left_behind() -> None:
    """Not a fault: exits with a status of its own if there is something left after the run."""
    import tempfile
    import threading
    from multiprocessing import util

    import torch
    from torch import distributed

    def state() -> dict[str, Any]:
        return {
            "threads of torch": torch.get_num_threads(),
            "threads": [
                thread.name
                for thread in threading.enumerate()
                if thread.name != "tqdm_monitor"  # a daemon of inductor's progress bar
            ],
            "format": torch.get_default_dtype(),
            "generator": torch.get_rng_state().tolist(),
            "gradients": torch.is_grad_enabled(),
            "variables": dict(os.environ),
            "files": {name for name in os.listdir(tempfile.gettempdir()) if "envcheck-" in name},
            "group": distributed.is_initialized(),
            "folder": os.getcwd(),
        }

    def compare() -> None:
        now = state()
        changed = {name: (was, now[name]) for name, was in before.items() if was != now[name]}
        if changed:
            print(changed)
            os._exit(9)

    before = state()
    util.Finalize(None, compare, exitpriority=0)
