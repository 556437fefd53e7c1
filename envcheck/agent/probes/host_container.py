"""Which kind of container or subsystem this process runs in."""

import os

from ..protocol import read_text

#: parts of control group paths -> kind
_GROUPS = (
    ("kubepods", "kubernetes"),
    ("/docker", "docker"),
    ("docker-", "docker"),
    ("libpod", "podman"),
    ("/lxc", "lxc"),
    ("containerd", "containerd"),
    ("machine-rkt", "rkt"),
)


def container(root="/"):
    """``docker``, ``podman``, ``kubernetes``, ``lxc`` …; None on a machine of its own.

    Kubernetes comes first: its containers may carry another engine's mark as well.
    """
    below = lambda path: os.path.join(root, path)  # noqa: E731
    if os.environ.get("KUBERNETES_SERVICE_HOST") or os.path.isdir(
        below("var/run/secrets/kubernetes.io")
    ):
        return "kubernetes"
    if os.path.exists(below("run/.containerenv")):
        return "podman"
    if os.path.exists(below(".dockerenv")):
        return "docker"
    if os.path.isdir(below(".singularity.d")):
        return "apptainer"
    named = (read_text(below("run/systemd/container"), 64) or "").strip()
    named = named or _variable_of_init(below("proc/1/environ")) or os.environ.get("container", "")  # noqa: SIM112
    if named:
        return "podman" if named == "oci" else named
    text = read_text(below("proc/1/cgroup"), 1 << 14) or ""
    for mark, kind in _GROUPS:
        if mark in text:
            return kind
    return _root_mount(read_text(below("proc/self/mountinfo"), 1 << 14) or "")


def wsl(kernel):
    """``wsl1`` or ``wsl2`` out of the kernel's release."""
    lowered = kernel.lower()
    if "microsoft" not in lowered:
        return None
    return "wsl2" if "wsl2" in lowered or "standard" in lowered else "wsl1"


def _variable_of_init(file):
    """The variable ``container`` that systemd and lxc give to process 1."""
    for entry in (read_text(file, 1 << 16) or "").split("\0"):
        if entry.startswith("container="):
            return entry[len("container=") :]
    return ""


def _root_mount(text):
    """An engine's name in the overlay that is mounted as the root."""
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        if left.split(" ")[4:5] != ["/"] or not right.startswith("overlay "):
            continue
        for mark, kind in (
            ("containerd", "containerd"),
            ("docker", "docker"),
            ("containers/", "podman"),
        ):
            if mark in right:
                return kind
    return None
