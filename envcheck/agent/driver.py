"""Asks libcuda and NVML. Both functions run in a killable child (``protocol.isolated``) and report
after every step, so that what was learnt before a hang or a crash is kept.

No header is needed and no symbol is taken for granted: a driver (or a stand-in) may have only the
first or only the second version of a function.
"""

CUDA = "libcuda.so.1"
NVML = "libnvidia-ml.so.1"
DEVICES = 64  # devices asked at most


def ask_libcuda(emit, whole):
    """The driver API. ``whole``: without CUDA_VISIBLE_DEVICES, to see what it hides."""
    import ctypes
    import os

    if whole:
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    library = _load(emit, ctypes, CUDA)
    if library is None:
        return
    number = ctypes.c_int(0)
    version = _function(library, "cuDriverGetVersion")
    if version is not None and version(ctypes.byref(number)) == 0 and number.value > 0:
        emit(cuda=cuda_version(number.value))
    init = _function(library, "cuInit")
    if init is None:
        emit(error="the library has no cuInit")
        return
    code = init(0)
    emit(init=code)
    if code:
        return
    counter = _function(library, "cuDeviceGetCount")
    code = counter(ctypes.byref(number)) if counter is not None else -1
    if code or number.value < 0:
        emit(count_code=code or number.value)
        return
    _enumerate(emit, number.value, lambda index: _cuda_device(ctypes, library, index))


def _enumerate(emit, count, describe):
    """Report the devices one by one: what was learnt before a crash or a hang is kept."""
    emit(count=count)
    devices = []
    for index in range(min(count, DEVICES)):
        devices.append(describe(index))
        emit(devices=devices)
    emit(devices=devices)


def _cuda_device(ctypes, library, index):
    device = dict.fromkeys(("name", "uuid", "compute_capability", "memory"))
    device.update(index=index, code=0)
    handle = ctypes.c_int(index)
    get = _function(library, "cuDeviceGet")
    device["code"] = get(ctypes.byref(handle), index) if get is not None else 0
    if device["code"]:
        return device
    buffer = ctypes.create_string_buffer(257)
    name = _function(library, "cuDeviceGetName")
    if name is not None and name(buffer, 256, handle) == 0:
        device["name"] = text(buffer.value)
    attribute = _function(library, "cuDeviceGetAttribute")
    pair = []
    for key in (75, 76):  # COMPUTE_CAPABILITY_MAJOR and _MINOR
        value = ctypes.c_int(0)
        if attribute is not None and attribute(ctypes.byref(value), key, handle) == 0:
            pair.append(str(value.value))
    if len(pair) == 2 and pair != ["0", "0"]:
        device["compute_capability"] = ".".join(pair)
    total = ctypes.c_size_t(0)
    memory = _function(library, "cuDeviceTotalMem_v2", "cuDeviceTotalMem")
    if memory is not None and memory(ctypes.byref(total), handle) == 0:
        device["memory"] = total.value or None
    raw = ctypes.create_string_buffer(16)
    uuid = _function(library, "cuDeviceGetUuid_v2", "cuDeviceGetUuid")
    if uuid is not None and uuid(raw, handle) == 0:
        device["uuid"] = _uuid(raw.raw)
    return device


def ask_nvml(emit):
    """NVML, which sees every GPU of the machine whatever CUDA_VISIBLE_DEVICES says."""
    import ctypes

    library = _load(emit, ctypes, NVML)
    if library is None:
        return
    init = _function(library, "nvmlInit_v2", "nvmlInit")
    if init is None:
        emit(error="the library has no nvmlInit")
        return
    code = init()
    emit(init=code)
    if code:
        return
    buffer = ctypes.create_string_buffer(97)
    driver = _function(library, "nvmlSystemGetDriverVersion")
    if driver is not None and driver(buffer, 96) == 0:
        emit(driver=text(buffer.value))
    number = ctypes.c_int(0)
    cuda = _function(library, "nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetCudaDriverVersion")
    if cuda is not None and cuda(ctypes.byref(number)) == 0 and number.value > 0:
        emit(cuda=cuda_version(number.value))
    count = ctypes.c_uint(0)
    counter = _function(library, "nvmlDeviceGetCount_v2", "nvmlDeviceGetCount")
    code = counter(ctypes.byref(count)) if counter is not None else -1
    if code:
        emit(count_code=code)
        return
    _enumerate(emit, count.value, lambda index: _nvml_device(ctypes, library, index))


def _nvml_device(ctypes, library, index):
    device = dict.fromkeys(("name", "uuid", "compute_capability", "memory", "mig", "ecc"))
    device.update(index=index, code=0, mig_devices=[])
    handle = ctypes.c_void_p()
    get = _function(library, "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex")
    device["code"] = get(ctypes.c_uint(index), ctypes.byref(handle)) if get is not None else None
    if device["code"] != 0:
        return device
    for key, symbol in (("name", "nvmlDeviceGetName"), ("uuid", "nvmlDeviceGetUUID")):
        device[key] = _string(ctypes, library, symbol, handle)
    major, minor = ctypes.c_int(0), ctypes.c_int(0)
    capability = _function(library, "nvmlDeviceGetCudaComputeCapability")
    if capability is not None and not capability(handle, ctypes.byref(major), ctypes.byref(minor)):
        device["compute_capability"] = "%d.%d" % (major.value, minor.value)
    memory = (ctypes.c_ulonglong * 3)()  # total, free, used
    info = _function(library, "nvmlDeviceGetMemoryInfo")
    if info is not None and info(handle, memory) == 0:
        device["memory"] = memory[0] or None
    for key, symbol in (("mig", "nvmlDeviceGetMigMode"), ("ecc", "nvmlDeviceGetEccMode")):
        current, pending = ctypes.c_uint(0), ctypes.c_uint(0)
        mode = _function(library, symbol)
        if mode is not None and mode(handle, ctypes.byref(current), ctypes.byref(pending)) == 0:
            device[key] = bool(current.value)
    if device["mig"]:
        device["mig_devices"] = _mig_devices(ctypes, library, handle)
    return device


def _mig_devices(ctypes, library, handle):
    most = ctypes.c_uint(0)
    counter = _function(library, "nvmlDeviceGetMaxMigDeviceCount")
    get = _function(library, "nvmlDeviceGetMigDeviceHandleByIndex")
    if counter is None or get is None or counter(handle, ctypes.byref(most)):
        return []
    found = []
    for index in range(min(most.value, DEVICES)):
        instance = ctypes.c_void_p()
        if get(handle, ctypes.c_uint(index), ctypes.byref(instance)) == 0:
            found.append(_string(ctypes, library, "nvmlDeviceGetUUID", instance) or "")
    return found


def _string(ctypes, library, symbol, handle):
    buffer = ctypes.create_string_buffer(257)
    function = _function(library, symbol)
    if function is None or function(handle, buffer, ctypes.c_uint(256)):
        return None
    return text(buffer.value)


def _load(emit, ctypes, soname):
    try:
        library = ctypes.CDLL(soname)
    except OSError as error:
        emit(error=text(str(error).encode("utf-8", "surrogateescape")))
        return None
    emit(path=_mapped(soname.partition(".")[0]))
    return library


def _mapped(stem):
    """The file that was loaded, from /proc/self/maps; None where there is none."""
    try:
        with open("/proc/self/maps", "rb") as maps:
            for line in maps:
                path = line.rstrip(b"\n").partition(b"/")[2]
                if path.rpartition(b"/")[2].startswith(stem.encode("ascii") + b".so"):
                    return "/" + path.decode("utf-8", "surrogateescape")
    except OSError:
        pass
    return None


def _function(library, *names):
    """The first of these functions that the library has, else None."""
    for name in names:
        function = getattr(library, name, None)
        if function is not None:
            return function
    return None


def _uuid(raw):
    digits = "".join("%02x" % byte for byte in bytearray(raw))
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return "GPU-" + "-".join(parts)


def cuda_version(number):
    """12080 as ``12.8``."""
    return "%d.%d" % (number // 1000, number % 1000 // 10)


def text(data):
    """What a driver calls a device: at most 200 characters, undecodable bytes replaced."""
    return data.decode("utf-8", "replace")[:200]
