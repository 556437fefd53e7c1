"""What needs a mount namespace: the host's driver seen in a container without devices."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from envcheck import checks
from envcheck.evaluate import evaluate
from envcheck.model.facts import FactSheet

_SCRIPT = """
mount -t tmpfs none /proc/driver && mkdir -p /proc/driver/nvidia/gpus/0000:01:00.0 || exit 99
cd /proc/driver/nvidia
echo 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.10  Fri Jan 10' > version
cd "$OLDPWD"
exec "$0" -m envcheck facts
"""


@pytest.mark.root
def test_driver_of_the_host_without_devices() -> None:
    if shutil.which("unshare") is None:
        pytest.skip("only on systems with unshare")
    argv = ["unshare", "-m", "sh", "-c", _SCRIPT, sys.executable]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    if done.returncode in (1, 99) and "unshare" in done.stderr + "mount" and not done.stdout:
        pytest.skip("only on systems that allow mounts in a namespace")
    sheet = FactSheet(json.loads(done.stdout))
    assert sheet["nvidia.kernel.version"] == "570.86.10"
    assert sheet["nvidia.kernel.flavour"] == "proprietary"
    assert sheet["nvidia.kernel.gpus"] == 1
    assert sheet["devices.kinds"] == []
    report = evaluate(sheet, checks.load(("GPU",)), wants=frozenset({"cuda"}))
    failed = [finding for finding in report.findings if finding.status == "fail"]
    assert [(finding.code, finding.cause) for finding in failed] == [
        ("GPU103", ""),
        ("GPU119", "GPU103"),
    ]
    assert "--gpus" in str(failed[0].remedy)
