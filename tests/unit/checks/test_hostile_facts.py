"""No value of a fact, however odd, makes one of these checks crash."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import SCALARS, json_values

KEYS = {
    "NET": ["network.ca", "network.proxies", "network.offline", "network.index.errors",
            "network.index.answer", "network.index.answer.url", "distributions.installed"],
    "CRED": ["credentials.variables", "credentials.files", "credentials.hub.source"],
    "DST": ["launch.accelerate.config", "launch.accelerate.config.status",
            "launch.accelerate.config.values", "launch.accelerate.config.keys",
            "launch.accelerate.keys", "launch.deepspeed.configs", "launch.variables",
            "devices.kinds", "devices.list", "compute.collectives", "compute.dtypes"],
    "IMP3": ["compute.torch.import.error", "compute.torch.import.missing", "compute.imports",
             "compute.torch.import.library", "compute.torch.numpy", "compute.tests",
             "compute.libraries", "distributions.installed"],
    "OS3": ["toolchain.tools", "toolchain.headers", "toolchain.cuda.home", "torch.build.cuda",
            "toolchain.cuda.home.exists", "toolchain.cuda.toolkits", "host.distribution.id"],
    "DTYPE3": ["compute.dtypes"],
    "SMK3": ["smoke.status", "smoke.reason", "smoke.parts", "smoke.torch"],
}  # fmt: skip
CODES = (
    [f"NET10{n}" for n in range(1, 7)] + ["NET301", "CRED101", "CRED102", "CRED103", "CRED201"]
    + [f"DST10{n}" for n in range(1, 8)] + ["DST301"] + [f"IMP30{n}" for n in range(1, 7)]
    + [f"OS30{n}" for n in range(1, 5)] + ["DTYPE301", "DTYPE302"]
    + [f"SMK30{n}" for n in range(1, 6)]
)  # fmt: skip

WORDS = st.sampled_from(
    ["ok", "error", "crash", "hang", "missing", "malformed", "present", "absent", "unknown",
     "torch", "HF_TOKEN", "PATH", "CC", "bf16", "cuda", "cpu", "cudnn", "12.4", "c", "wrong", "2",
     "tls"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["name", "status", "problems", "path", "variable", "error", "url", "source", "tool", "version",
     "device", "dtype", "verdict", "module", "missing", "library", "kind", "compute_capability",
     "values", "mixed_precision", "num_processes", "distributed_type", "WORLD_SIZE", "nvcc",
     "compiles", "backend", "imports", "fp16.enabled", "bf16.enabled", "seconds", "signal"]
)  # fmt: skip
VALUES = json_values(SCALARS | st.integers(-9, 99) | WORDS, NAMES, size=5)
PROFILE = """
[[compiler]]
tool = "c"
requires = ">=9"
[[compiler]]
tool = "nvcc"
[[variable]]
name = "HF_TOKEN"
credential = true
"""


@pytest.mark.parametrize("code", CODES)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_fact_makes_it_crash(judged, code, data):
    (keys,) = [keys for prefix, keys in KEYS.items() if code.startswith(prefix)]
    facts = {key: data.draw(VALUES, label=key) for key in keys}
    facts.update({"compute.asked": True, "compute.torch.import.status": "ok"})
    facts["smoke.asked"] = True
    if code in ("IMP301", "IMP302", "IMP303"):
        facts["compute.torch.import.status"] = {"1": "crash", "2": "hang", "3": "error"}[code[-1]]
    if code in ("DST102", "DST103", "DST104"):
        facts["launch.accelerate.config.status"] = "ok"
    for finding in judged(code, facts, profile=PROFILE):
        assert finding.status != "crash", finding.detail
