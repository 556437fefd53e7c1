"""GPU 101 to 106: the NVIDIA driver, from the kernel module up to cuInit."""

from __future__ import annotations

from envcheck.checks import cuda_rules, remedies
from envcheck.checks.base import Check, Context, NotApplicable, sentence
from envcheck.checks.cuda_facts import (
    number,
    observed,
    records,
    strings,
    text,
    wants_cuda,
)
from envcheck.model.finding import Finding, Remedy, fail
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_DRIVER = "no sign of an NVIDIA driver"
_RELOAD = (
    "sudo rmmod nvidia_drm nvidia_modeset nvidia_uvm nvidia",
    "sudo modprobe -a nvidia nvidia_uvm",
)
EXPLAINED = (9, 18)  # NVML codes with a check of their own
SMI_CODES = (4, 6, 10, 12, 14, 15, 16, 17)  # others of nvidia-smi's exit statuses mean anything
_LOST = (15, 16)


def signs(context: Context) -> bool:
    """Whether anything hints at an NVIDIA driver or GPU here."""
    statuses = {text(context, f"nvidia.{name}.status") for name in ("libcuda", "nvml")}
    return bool(
        statuses & {"answered", "hung", "crashed", "unloadable"}
        or text(context, "nvidia.kernel.version")
        or text(context, "nvidia.smi.status")
        or strings(context, "nvidia.kernel.nodes")
        or number(context, "nvidia.bus.gpus")
        or records(context, "nvidia.libcuda.files")
    )


def codes(context: Context) -> tuple[int | None, int | None, int | None]:
    """What cuInit, NVML and nvidia-smi answered."""
    if not signs(context):
        raise NotApplicable(NO_DRIVER)
    names = ("libcuda.init", "nvml.init", "smi.code")
    cuda, nvml, smi = (number(context, "nvidia." + name) for name in names)
    return cuda, nvml, smi


def driver_evidence(context: Context) -> tuple[str, ...]:
    """The facts that tell how the driver fares, as far as they are known."""
    return tuple(
        "nvidia." + name
        for name in (
            "kernel.version",
            "libcuda.init",
            "libcuda.path",
            "libcuda.version",
            "nvml.init",
            "nvml.version",
            "smi.code",
            "smi.sample",
        )
        if context.facts.fact("nvidia." + name).known
    )


def same_driver(context: Context) -> Iterator[Finding]:
    """The driver's libraries and the loaded kernel module are of different versions.

    ## Why it matters
    Nothing that uses the GPU works: cuInit answers 803, NVML and nvidia-smi 18
    ("Driver/library version mismatch"). torch is not at fault and reinstalling it changes nothing.

    ## Causes
    The driver package was upgraded (often by unattended upgrades) and the old kernel module is
    still loaded; or a container was started before the host's driver was upgraded; or an old
    libcuda lies ahead of the right one in LD_LIBRARY_PATH.

    ## Remedy
    Reboot, or unload and load the kernel modules when nothing uses the GPU. Restart containers
    after the host was upgraded.

    ## Sources
    CUDA driver API, CUDA_ERROR_SYSTEM_DRIVER_MISMATCH; NVML_ERROR_LIB_RM_VERSION_MISMATCH.
    """
    cuda, nvml, smi = codes(context)
    if cuda != 803 and nvml != 18 and smi != 18:
        return
    module = text(context, "nvidia.kernel.version")
    library = text(context, "nvidia.libcuda.version") or text(context, "nvidia.nvml.version")
    versions = f": module {module}, libraries {library}" if module and library else ""
    stray = [
        record
        for record in records(context, "nvidia.libcuda.files")
        if record.get("where") == "LD_LIBRARY_PATH"
    ]
    remedy = Remedy("Reboot, or reload the kernel modules while nothing uses the GPU", _RELOAD)
    if text(context, "host.container"):
        remedy = Remedy(
            "Restart the container: it has the libraries of the host's driver as it was when it"
            " started. If that does not help, reboot the host or reload its kernel modules"
        )
    elif stray and cuda == 803 and nvml in (0, None) and smi in (0, None):
        remedy = Remedy(
            "Take the folder of the other libcuda out of LD_LIBRARY_PATH; if there is none, reboot"
        )
    yield fail(
        "NVIDIA driver libraries and loaded kernel module differ" + versions,
        detail="Every use of the GPU fails until they are of the same version.",
        evidence=observed(context, *driver_evidence(context)),
        remedy=remedy,
    )


def module_loaded(context: Context) -> Iterator[Finding]:
    """The NVIDIA kernel module is not loaded.

    ## Why it matters
    The driver's libraries are installed but have nothing to talk to: NVML and nvidia-smi answer 9,
    cuInit 100 or 999. No CUDA toolkit and no build of torch changes that.

    ## Causes
    The module was not built for the running kernel (DKMS failed after a kernel upgrade), Secure
    Boot refuses an unsigned module, the free driver nouveau holds the GPU, the module is
    blacklisted, or there is no NVIDIA GPU in this machine at all.

    ## Remedy
    Load it and read why that fails: `sudo modprobe nvidia`, `sudo dmesg | grep -i nvidia`. With
    nouveau loaded, blacklist it and reboot; with Secure Boot, sign the module or enrol its key.

    ## Sources
    NVML_ERROR_DRIVER_NOT_LOADED; NVIDIA driver README, "Installing the NVIDIA Driver".
    """
    cuda, nvml, smi = codes(context)
    if text(context, "nvidia.kernel.version") or context.get("nvidia.wsl") is True:
        return
    nodes = [name for name in strings(context, "nvidia.kernel.nodes") if name != "dxg"]
    gpus = number(context, "nvidia.bus.gpus")
    says_so = nvml == 9 or smi == 9
    if cuda == 0 or nvml == 0 or not (says_so or (gpus and not nodes) or cuda == 999):
        return
    modules = strings(context, "nvidia.kernel.modules")
    blocked = next((name for name in ("nouveau", "nova_core") if name in modules), "")
    detail = "The driver's libraries find no kernel module."
    severity = "error" if gpus or wants_cuda(context) else "warning"
    if not _libraries(context) and not says_so:  # perhaps nobody means to compute on it
        detail = "There is an NVIDIA GPU on the bus but no driver for it."
        built = text(context, "torch.build.kind") == "cuda"
        severity = "error" if wants_cuda(context) else "warning" if built else "note"
    if blocked:
        detail += f" The module {blocked} holds the GPU instead."
    elif gpus == 0:
        detail += " No NVIDIA GPU is on the PCI bus either."
    yield fail(
        "NVIDIA kernel module is not loaded",
        detail=detail + " Secure Boot, a kernel upgrade without a rebuilt module and nouveau are"
        " the usual causes.",
        severity=severity,
        evidence=observed(
            context, *driver_evidence(context), "nvidia.kernel.modules", "nvidia.bus.gpus"
        ),
        remedy=Remedy(
            "Load the module; the kernel's log says why if that fails (Secure Boot, nouveau, a"
            " module that was not rebuilt)"
            + (". On the host, not in the container" if text(context, "host.container") else ""),
            (
                "sudo modprobe nvidia",
                "sudo dmesg | grep -iE 'nvidia|nouveau|nvrm'",
                "mokutil --sb-state",
            ),
        ),
    )


def _libraries(context: Context) -> bool:
    names = ("libcuda", "nvml")
    return any(text(context, f"nvidia.{name}.status") not in ("", "missing") for name in names)


def devices_passed(context: Context) -> Iterator[Finding]:
    """The host has an NVIDIA driver, but its devices were not passed into this container.

    ## Why it matters
    Programs here compute on the CPU however good the host's GPU is. Tools that read only
    /proc/driver/nvidia/version take this for a working driver.

    ## Causes
    `docker run` without `--gpus`, a container runtime without the NVIDIA Container Toolkit,
    `NVIDIA_VISIBLE_DEVICES` set to `void` or `none`, a Kubernetes pod without
    `nvidia.com/gpu` in its limits; or it is meant so.

    ## Remedy
    Start the container with the devices. Nothing has to be installed inside it.

    ## Sources
    NVIDIA Container Toolkit documentation.
    """
    if not text(context, "nvidia.kernel.version"):
        raise NotApplicable(NO_DRIVER)
    nodes = strings(context, "nvidia.kernel.nodes")
    if nodes or text(context, "nvidia.libcuda.status") not in ("missing", ""):
        return
    wanted = wants_cuda(context)
    built = text(context, "torch.build.kind") == "cuda"
    keys = ("nvidia.kernel.version", "nvidia.kernel.nodes", "nvidia.libcuda.status")
    remedy = remedies.docker_run(context, "--gpus all")
    yield fail(
        "the host's NVIDIA driver is visible here but no device was passed in",
        severity="error" if wanted else "warning" if built else "note",
        detail="There is neither a device node nor libcuda, so nothing here can use the GPU.",
        evidence=observed(context, *keys, "nvidia.visible.container", "host.container"),
        remedy=remedy._replace(
            text=f"{remedy.text}; the host needs the NVIDIA Container Toolkit. Without a container,"
            " install the driver's user-space part"
        ),
    )


def fabric_manager(context: Context) -> Iterator[Finding]:
    """The fabric manager of an NVSwitch machine does not run: cuInit answers 802.

    ## Why it matters
    nvidia-smi lists every GPU, yet no CUDA program can start (HGX and DGX machines).

    ## Causes
    nvidia-fabricmanager is not installed, not running, or of another version than the driver.

    ## Remedy
    Install the fabric manager of exactly the driver's version and start it.

    ## Sources
    CUDA_ERROR_SYSTEM_NOT_READY in the CUDA driver API; NVIDIA Fabric Manager user guide; jax#24866.
    """
    cuda, _, _ = codes(context)
    if cuda != 802:
        return
    driver = text(context, "nvidia.kernel.version") or text(context, "nvidia.nvml.driver")
    where = " on the host" if text(context, "host.container") else ""
    yield fail(
        "CUDA is not ready: the fabric manager does not run",
        detail="cuInit answered " + cuda_rules.code("cuda", 802) + ".",
        evidence=observed(context, "nvidia.libcuda.init", "nvidia.kernel.version"),
        remedy=Remedy(
            f"Start nvidia-fabricmanager{where}; its version must be the driver's"
            + (f" ({driver})" if driver else ""),
            (
                "sudo systemctl enable --now nvidia-fabricmanager",
                "systemctl status nvidia-fabricmanager",
            ),
        ),
    )


def compatibility_library(context: Context) -> Iterator[Finding]:
    """A libcuda was loaded that this GPU or driver cannot be used with (804, or a stub).

    ## Why it matters
    Programs load this libcuda instead of the driver's own, and every CUDA call fails.

    ## Causes
    A forward-compatibility package (cuda-compat) ahead in the search path on a GeForce or another
    GPU that does not support it; or the toolkit's stub for linking (`lib64/stubs`) in
    LD_LIBRARY_PATH, which answers 34.

    ## Remedy
    Take that folder out of LD_LIBRARY_PATH (or of the loader's configuration).

    ## Sources
    NVIDIA, CUDA compatibility, forward compatibility; CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE,
    CUDA_ERROR_STUB_LIBRARY.
    """
    cuda, _, _ = codes(context)
    if cuda not in (34, 804):
        return
    path = text(context, "nvidia.libcuda.path")
    what = "a stub of libcuda" if cuda == 34 else "a forward-compatibility libcuda"
    yield fail(
        f"{what} was loaded instead of the driver's",
        detail="cuInit answered "
        + cuda_rules.code("cuda", cuda)
        + (f" ({path})." if path else "."),
        evidence=observed(
            context, "nvidia.libcuda.init", "nvidia.libcuda.path", "nvidia.libcuda.files"
        ),
        remedy=Remedy(
            "Take its folder out of LD_LIBRARY_PATH or of /etc/ld.so.conf.d; where cuda-compat was"
            " installed on purpose, upgrade the driver instead",
            ('echo "$LD_LIBRARY_PATH"',),
        ),
    )


def initialises(context: Context) -> Iterator[Finding]:
    """CUDA or NVML cannot be initialised for a reason that has no code of its own here.

    ## Why it matters
    Until cuInit answers 0 nothing can compute on the GPU, whatever nvidia-smi shows.

    ## Causes
    999 on a machine that worked before: nvidia_uvm is unusable after suspend. 304 or 999 as an
    ordinary user: the device nodes may not be opened. 46: exclusive mode. NVML 15: the GPU fell
    off the bus; 16: it needs a reset; 17: the operating system or a control group blocks it.

    ## Remedy
    As the finding says for the code that was answered.

    ## Sources
    CUDA driver API and NVML reference; pytorch#88639 (999 after suspend).
    """
    cuda, nvml, smi = codes(context)
    driven = bool(text(context, "nvidia.kernel.version")) or nvml == 0
    cuda_explained = (0, None, 100, 803, 802, 804, 34) + (() if driven else (999,))
    problems = []
    if cuda not in cuda_explained and cuda is not None:
        problems.append("cuInit answered " + cuda_rules.code("cuda", cuda))
    if nvml not in (0, None, *EXPLAINED):
        problems.append("NVML answered " + cuda_rules.code("nvml", nvml or 0))
    if smi in SMI_CODES:
        problems.append("nvidia-smi answered " + cuda_rules.code("nvml", smi or 0))
    unasked = context.facts.fact("nvidia.libcuda.devices")
    answered = text(context, "nvidia.libcuda.status") == "answered"
    if cuda == 0 and unasked.status == "unknown" and answered:
        problems.append(unasked.reason)
    gone = list(_gone(context))
    lost = bool(gone) or nvml in _LOST or smi in _LOST
    denied = strings(context, "nvidia.kernel.denied")
    if denied and cuda != 0:
        problems.append("this user may not open /dev/" + ", /dev/".join(denied[:4]))
    if not problems and not gone:
        return
    starts = cuda is None or (cuda == 0 and unasked.status != "unknown")
    yield fail(
        "the NVIDIA driver cannot be initialised" if problems else "a GPU does not answer",
        detail=sentence("; ".join(problems + gone)),
        evidence=observed(context, *driver_evidence(context), "nvidia.kernel.denied"),
        remedy=_initialise_remedy(cuda, bool(denied)),
        severity="error" if not starts or denied or lost else "warning",
    )


def _gone(context: Context) -> Iterator[str]:
    """What libcuda and NVML say of the devices that they list but cannot reach."""
    for device in records(context, "nvidia.libcuda.devices"):
        if isinstance(code := device.get("code"), int) and code:
            answer = cuda_rules.code("cuda", code)
            yield f"for device {device.get('index')} libcuda answered {answer}"
    for device in records(context, "nvidia.nvml.devices"):
        if (code := device.get("code")) in (*_LOST, 17):
            answer = cuda_rules.code("nvml", code)
            yield f"for GPU {device.get('index')} NVML answered {answer}"


_REMEDIES: dict[int | None, Remedy] = {
    2: Remedy("Free memory: cuInit found too little, of the machine's or of the GPU's"),
    35: Remedy("Upgrade the NVIDIA driver", ("nvidia-smi",)),
    46: Remedy("End the process that holds the GPU, or set its compute mode to default"),
    101: Remedy("Unset CUDA_VISIBLE_DEVICES where it is set", ("unset CUDA_VISIBLE_DEVICES",)),
    304: Remedy(
        "Look whether the device nodes are there and may be opened, then at the kernel's log",
        ("ls -l /dev/nvidia*", "sudo dmesg | grep -i nvrm"),
    ),
    805: Remedy(
        "Restart the MPS control daemon, or end it to do without",
        ("echo quit | nvidia-cuda-mps-control", "nvidia-cuda-mps-control -d"),
    ),
}


def _initialise_remedy(cuda: int | None, denied: bool) -> Remedy:
    if denied:
        nodes = " ".join("/dev/" + name for name in ("nvidiactl", "nvidia0", "nvidia-uvm"))
        return Remedy(
            "Let this user open the device nodes (their group, or udev rules)", (f"ls -l {nodes}",)
        )
    if cuda == 999:
        return Remedy(
            "Reload nvidia_uvm (it is often unusable after suspend), or reboot",
            ("sudo rmmod nvidia_uvm", "sudo modprobe nvidia_uvm"),
        )
    return _REMEDIES.get(cuda) or Remedy(
        "Read the kernel's log; a reboot resets GPU and driver", ("sudo dmesg | grep -i nvrm",)
    )


CHECKS = (
    Check("GPU101", "driver libraries and kernel module fit together", "error", same_driver),
    Check("GPU102", "the NVIDIA kernel module is loaded", "error", module_loaded),
    Check("GPU103", "the host's GPUs are passed into the container", "note", devices_passed),
    Check("GPU104", "the fabric manager runs where it is needed", "error", fabric_manager),
    Check("GPU105", "the driver's own libcuda is loaded", "error", compatibility_library),
    Check(
        "GPU106", "CUDA can be initialised", "error", initialises, ("GPU101", "GPU102", "GPU105")
    ),
)
