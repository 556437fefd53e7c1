"""What is known about CUDA, as questions to the knowledge tables. Pure: values in, values out."""

from __future__ import annotations

from envcheck.checks.specifiers import satisfies
from envcheck.knowledge import table
from envcheck.typed import Any, NamedTuple


class ArchList(NamedTuple):
    """The architectures a torch build has code for (``sm_86``, ``compute_90``) and who says so."""

    names: tuple[str, ...]
    source: str
    observed: bool


def version(text: object) -> tuple[int, ...] | None:
    """``12.8`` as (12, 8); None for anything but digits and dots. No floats: 12.10 is not 12.1."""
    if not isinstance(text, str) or len(text) > 40:
        return None
    parts = text.split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        return None
    return tuple(int(part) for part in parts)


def minimum_driver(cuda: str, system: str = "linux") -> str | None:
    """The oldest driver that runs this CUDA runtime; None if the table does not know.

    This is the rule of minor-version compatibility: within a major every minor runs on it.
    """
    for row in table("drivers")["rows"]:
        if cuda == row["cuda"] or (cuda.split(".")[0] == row["cuda"] and cuda != row.get("not")):
            minimum: str | None = row["windows" if system == "windows" else "linux"]
            return minimum
    return None


def driver_suffices(cuda: str, supported: str, driver: str, minimum: str | None) -> bool | None:
    """Whether a driver that supports CUDA ``supported`` and is called ``driver`` runs ``cuda``.

    The loaded libcuda decides about the major, forward-compatibility packages included; within it
    the oldest driver of the table. None if neither tells.
    """
    wanted, known = version(cuda), version(supported)
    if wanted is None:
        return None
    if known is not None and known[0] != wanted[0]:
        return known[0] > wanted[0]
    if minimum and driver:
        return at_least(driver, minimum)
    return True if known else None


def at_least(have: str, minimum: str) -> bool | None:
    """Whether one dotted version reaches another; None if either is no version."""
    left, right = version(have), version(minimum)
    if left is None or right is None:
        return None
    width = max(len(left), len(right))
    return left + (0,) * (width - len(left)) >= right + (0,) * (width - len(right))


def runs(capability: str, names: tuple[str, ...], build_cuda: str = "") -> str | None:
    """How code for the architectures ``names`` runs on a device of this compute capability.

    ``code``: compiled code fits; ``ptx``: it is compiled at first use; ``none``: it does not run;
    None: the capability is no version. ``sm_XY`` runs on the same major from minor Y on, with the
    exceptions in the table.
    """
    pair = version(capability)
    if pair is None or len(pair) != 2:
        return None
    device = 10 * pair[0] + pair[1]
    best = "none"
    for name in names:
        kind, _, digits = name.partition("_")
        exact = digits.endswith("a")
        number = digits.rstrip("af")
        if not number.isascii() or not number.isdigit() or len(number) > 4:
            continue
        if kind == "sm" and (
            int(number) == device if exact else _fits(int(number), device, build_cuda)
        ):
            return "code"
        if kind == "compute" and not exact and int(number) <= device:
            best = "ptx"
    return best


def _fits(code: int, device: int, build_cuda: str) -> bool:
    rows = table("compute_capability")
    row: dict[str, Any] = next((row for row in rows["code"] if row["sm"] == code), {})
    lifted = rows["lifted_exclusions"]
    if device // 10 in lifted["majors"] and at_least(build_cuda, lifted["cuda"]):
        row = {}
    if "only" in row:
        return device in row["only"]
    return device // 10 == code // 10 and device >= code and device not in row.get("not", ())


def wheel_architectures(torch: str, cuda: str, machine: str) -> ArchList | None:
    """What the published build has code for, by the table; None if it is not in it.

    A local label other than the published ones (``+cu128``) marks a build of somebody's own.
    """
    short = ".".join(cuda.split(".")[:2])
    label = torch.partition("+")[2]
    if label not in ("", "cu" + short.replace(".", "")):
        return None
    for row in _builds(torch, machine):
        if row["cuda"] == short:
            source = f"table of published builds: {row['source']}, {row['date']}"
            return ArchList(_names(row), source, observed=False)
    return None


def backend(torch: str, machine: str, driver_cuda: str, capabilities: list[str]) -> str | None:
    """The newest published build of this torch that the driver and every device can run, as uv
    names it (``cu130``); of the newest torch known, if ``torch`` is empty. None if there is none.
    """
    fitting = []
    for row in _builds(torch or table("torch_cuda")["horizon"], machine):
        cuda: str = row["cuda"]
        if driver_cuda and at_least(driver_cuda, cuda.split(".")[0]) is False:
            continue
        if all(runs(capability, _names(row), cuda) == "code" for capability in capabilities):
            fitting.append(cuda)
    # One that is not newer than the driver also compiles PTX; within the major all of them run.
    best = [cuda for cuda in fitting if at_least(driver_cuda, cuda)] or fitting
    return "cu" + best[0].replace(".", "") if best else None


def _builds(torch: str, machine: str) -> list[dict[str, Any]]:
    public = torch.partition("+")[0]
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine.lower(), machine or "x86_64")
    rows = [
        row
        for row in table("torch_cuda")["rows"]
        if row["machine"] == machine and satisfies(public, row["torch"])
    ]
    return sorted(rows, key=lambda row: version(row["cuda"]) or (), reverse=True)


def _names(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(f"sm_{sm}" for sm in row["sm"]) + tuple(
        f"compute_{sm}" for sm in row.get("ptx", ())
    )


def default_cudnn(torch: str) -> str | None:
    """The cuDNN of the index's default build of this torch."""
    public = torch.partition("+")[0]
    for row in table("torch_cuda")["default"]:
        if row["torch"] == public:
            found: str = row["cudnn"]
            return found
    return None


def computes(name: str, capability: str) -> tuple[str | None, str]:
    """How a CUDA device computes in format ``name``: (``native`` ``emulated`` ``none``, how).

    None if the table does not know: the capability is beyond its horizon.
    """
    tables = table("compute_capability")
    row = next((row for row in tables["formats"] if row["name"] == name), None)
    pair, horizon = version(capability), version(tables["horizon"])
    if row is None or pair is None or horizon is None or pair > horizon:
        return None, ""
    if at_least(capability, row["native"]):
        return "native", ""
    if row["emulated"] and at_least(capability, row["emulated"]):
        return "emulated", row.get("how", "")
    return "none", ""


def cudnn_version(number: int) -> str:
    """The version that cuDNN's integer means: 8907 is 8.9.7, from 9.0 on 91002 is 9.10.2."""
    scale = 10000 if number >= 90000 else 1000
    return f"{number // scale}.{number % scale // 100}.{number % 100}"


def cudnn_floor() -> tuple[str, str]:
    """(cuDNN version from which, compute capability below which torch refuses cuDNN)."""
    row = table("compute_capability")["cudnn_floor"]
    return row["cudnn"], row["compute_capability"]


def code(kind: str, number: int) -> str:
    """``803 CUDA_ERROR_SYSTEM_DRIVER_MISMATCH: …``; ``kind`` is ``cuda`` or ``nvml``."""
    row = table("cuda_codes")[kind].get(str(number))
    return (
        f"{number} {row['name']}: {row['text']}" if row else f"{number}, which is not in the table"
    )
