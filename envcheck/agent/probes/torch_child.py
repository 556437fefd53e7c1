"""Tests of an imported torch, run inside the grandchild (see ``import_child``).

``run(emit, torch, mode)``: what is known is reported at once, lists grow from report to report, so
nothing is lost in a crash.
"""

import time

SIZE = 256  # rows and columns on a CPU: long enough to time, short where fp16 is emulated
DEVICE_SIZE = 2048


def run(emit, torch, mode):  # noqa: ARG001
    measured, problems = [], []
    steps = (
        ("about", lambda: emit(**about(torch))),
        ("numpy", lambda: emit(numpy=numpy_exchange(torch))),
        ("cpu", lambda: processor(emit, torch, measured)),
        ("libraries", lambda: emit(libraries=loaded())),
        ("devices", lambda: accelerators(emit, torch, measured)),
        ("libraries", lambda: emit(libraries=loaded())),
    )
    for name, step in steps:
        try:
            step()
        except Exception as error:
            problems.append("%s: %s" % (name, said(error)))
    emit(tests="; ".join(problems) or "ok")


def processor(emit, torch, measured):
    """Measure the CPU with one thread: the other processors may be busy."""
    emit(features=cpu_features(torch))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        measure(emit, torch, "cpu", SIZE, measured)
    finally:
        torch.set_num_threads(threads)


def accelerators(emit, torch, measured):
    """Find and measure what else there is to compute with."""
    devices = find_devices(torch)
    emit(devices=devices)
    for device in devices:
        if device["error"] is not None:
            continue
        kind = "cuda" if device["kind"] == "rocm" else device["kind"]
        try:
            measure(emit, torch, "%s:%d" % (kind, device["index"]), DEVICE_SIZE, measured)
        except Exception as error:
            device["error"] = said(error)
            emit(devices=devices)


def said(error):
    """An exception in one line."""
    lines = str(error).strip().splitlines()
    return ("%s: %s" % (type(error).__name__, lines[0] if lines else ""))[:400]


def about(torch):
    """What torch says of itself without touching a device."""
    version = torch.version
    cuda = getattr(version, "cuda", None)
    values = {"cuda": cuda, "hip": getattr(version, "hip", None), "config": [], "arch_list": None}
    try:
        values["config"] = [
            line.strip() for line in torch.__config__.show().splitlines() if line.strip()
        ]
    except Exception as error:
        values["config"] = [said(error)]
    try:
        # get_arch_list() itself is empty without a driver
        flags = torch._C._cuda_getArchFlags() if cuda else None
        values["arch_list"] = flags.split() if flags else torch.cuda.get_arch_list()
    except Exception:
        pass
    return values


def numpy_exchange(torch):
    """`ok`, None without NumPy, or why arrays and tensors cannot be exchanged."""
    try:
        import numpy  # noqa: ICN001
    except ImportError:
        return None
    except Exception as error:
        return said(error)
    try:
        array = torch.from_numpy(numpy.arange(3.0)).add(1).numpy()
        return "ok" if array.tolist() == [1.0, 2.0, 3.0] else "the values changed"
    except Exception as error:
        return said(error)


def find_devices(torch):
    """Records of the devices that torch can see."""
    devices = []
    for kind in ("cuda", "xpu", "npu"):
        module = getattr(torch, kind, None)
        try:
            count = module.device_count() if module is not None else 0
        except Exception:
            count = 0
        label = "rocm" if kind == "cuda" and torch.version.hip else kind
        devices += [_device(module, label, index) for index in range(count)]
    backend = getattr(torch.backends, "mps", None)
    if backend is not None and backend.is_available():
        devices.append(_record("mps", 0, "Apple GPU"))
    return devices


def _record(kind, index, name):
    return {
        "kind": kind,
        "index": index,
        "name": name,
        "compute_capability": None,
        "memory": None,
        "error": None,
    }


def _device(module, kind, index):
    record = _record(kind, index, None)
    try:
        properties = module.get_device_properties(index)
        record["name"] = getattr(properties, "name", None)
        record["memory"] = getattr(properties, "total_memory", None)
        if kind == "cuda":
            record["compute_capability"] = "%d.%d" % module.get_device_capability(index)
    except Exception as error:
        record["error"] = said(error)
    return record


def dtypes(torch, device):
    """(name, torch dtype) of what is measured on this device; fp32 comes first."""
    names = [("fp32", "float32"), ("bf16", "bfloat16"), ("fp16", "float16")]
    if device.startswith("cuda"):
        names.insert(1, ("tf32", "float32"))
    names += [("fp8_e4m3", "float8_e4m3fn"), ("fp8_e5m2", "float8_e5m2"), ("int8", "int8")]
    return [
        (name, getattr(torch, attribute)) for name, attribute in names if hasattr(torch, attribute)
    ]


def measure(emit, torch, device, size, measured):
    """Append a record for each number format to ``measured`` and report the list each time."""
    base = None
    for name, dtype in dtypes(torch, device):
        record = {"device": device, "dtype": name, "status": "ok", "error": None, "ratio": None}
        record["why"] = None
        record["claimed"] = _claimed(torch, device, name)
        try:
            _set_tf32(torch, name == "tf32")
            product, operands = _product(torch, device, name, dtype, SIZE)
            record["error"] = _deviation(torch, product(), operands)
            if size != SIZE:
                product, _ = _product(torch, device, name, dtype, size)
            seconds = _seconds(torch, device, product)
            base = seconds if name == "fp32" else base
            record["ratio"] = round(seconds / base, 3) if base else None
        except Exception as error:
            record["status"], record["why"] = "error", said(error)
        measured.append(record)
        emit(dtypes=measured)
    _set_tf32(torch, False)


def _claimed(torch, device, name):
    """What torch itself says about native bf16 on this device; None if it does not say."""
    if name != "bf16" or device.startswith("cpu"):
        return None
    module = getattr(torch, device.partition(":")[0], None)
    try:
        return bool(module.is_bf16_supported(including_emulation=False))
    except Exception:
        return None


def _set_tf32(torch, allowed):
    if hasattr(torch, "set_float32_matmul_precision"):  # since 1.12
        torch.set_float32_matmul_precision("high" if allowed else "highest")


def _product(torch, device, name, dtype, size):
    """(function that multiplies on the device, the operands as they are, on the CPU)."""
    generator = torch.Generator().manual_seed(7)
    if name == "int8":
        left, right = (
            torch.randint(-127, 128, (size, size), generator=generator).to(torch.int8)
            for _ in range(2)
        )
        x, y = left.to(device), right.to(device)
        return (lambda: torch._int_mm(x, y)), (left, right)
    left, right = (torch.randn(size, size, generator=generator).to(dtype) for _ in range(2))
    if not name.startswith("fp8"):
        x, y = left.to(device), right.to(device)
        return (lambda: x @ y), (left, right)
    if name == "fp8_e5m2":  # hardware multiplies e5m2 only with e4m3
        left = left.to(torch.float32).to(torch.float8_e4m3fn)
    x = left.to(device)
    y = right.t().contiguous().to(device).t()  # column-major, as the hardware wants it
    one = torch.ones((), device=device)
    out = torch.float32 if device == "cpu" else torch.bfloat16

    def product():
        result = torch._scaled_mm(x, y, scale_a=one, scale_b=one, out_dtype=out)
        return result[0] if isinstance(result, tuple) else result

    return product, (left, right)


def _deviation(torch, product, operands):
    """Norm of (product - exact product) over the norm of the exact one; in float64 on the CPU."""
    exact = operands[0].to(torch.float64) @ operands[1].to(torch.float64)
    return float((product.cpu().to(torch.float64) - exact).norm() / exact.norm())


def _seconds(torch, device, product):
    """The shortest of a few runs, after one to warm up."""
    module = getattr(torch, device.partition(":")[0], None)
    wait = getattr(module, "synchronize", None) or (lambda: None)
    product()
    wait()
    best = None
    end = time.perf_counter() + 0.1
    for attempt in range(20):
        if attempt >= 3 and time.perf_counter() > end:
            break
        started = time.perf_counter()
        product()
        wait()
        taken = time.perf_counter() - started
        best = taken if best is None else min(best, taken)
    return best


def cpu_features(torch):
    """Instruction sets as the kernel and torch name them; empty if neither says."""
    found = set()
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                key, _, value = line.partition(":")
                if key.strip() in ("flags", "Features"):
                    found.update(value.split())
                    break
    except OSError:
        pass
    try:
        told = torch.cpu.get_capabilities()
        found.update(name for name, value in told.items() if value is True)
    except Exception:
        pass
    return sorted(found)


_LIBRARIES = (
    ("libcudnn", "cudnn"),
    ("libcublas", "cublas"),
    ("libcudart", "cudart"),
    ("libcufft", "cufft"),
    ("libcusparse", "cusparse"),
    ("libcusolver", "cusolver"),
    ("libnccl", "nccl"),
    ("libnvrtc", "nvrtc"),
    ("libcuda.", "cuda"),
    ("libtorch", "torch"),
    ("libc10", "torch"),
    ("libamdhip64", "hip"),
    ("libmkl", "mkl"),
    ("libopenblas", "openblas"),
    ("libscipy_openblas", "openblas"),
    ("libgomp", "openmp"),
    ("libiomp", "openmp"),
    ("libomp", "openmp"),
    ("libstdc++", "stdc++"),
)


def loaded():
    """Records of the libraries in this process's memory; empty where there is no /proc."""
    found = {}
    try:
        with open("/proc/self/maps", errors="replace") as file:
            for line in file:
                path = line.rstrip("\n").partition("/")[2]
                name = path.rpartition("/")[2]
                for prefix, kind in _LIBRARIES:
                    if name.startswith(prefix):
                        found["/" + path] = kind
                        break
    except OSError:
        pass
    return [{"name": found[path], "path": path} for path in sorted(found)]
