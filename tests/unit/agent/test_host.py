"""What the host probe reads: os-release, containers, processors, loaders."""

from __future__ import annotations

import subprocess

import pytest

from envcheck.agent import cpu, elf, libc
from envcheck.agent.probes import host, host_container


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('ID=debian\nVERSION_ID="12"\n', {"ID": "debian", "VERSION_ID": "12"}),
        ("ID='arch'\n# a comment=1\n\nVERSION_ID=\n", {"ID": "arch"}),
        ('PRETTY_NAME="a \\"b\\" \\$c"\n', {"PRETTY_NAME": 'a "b" $c'}),
        ("no assignment", {}),
    ],
)
def test_os_release(text, expected):
    assert host.os_release(text) == expected


@pytest.fixture
def _nothing_set(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.delenv("container", raising=False)


@pytest.mark.usefixtures("_nothing_set")
@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"/proc/1/cgroup": "0::/init.scope\n"}, None),
        ({"/.dockerenv": ""}, "docker"),
        ({"/run/.containerenv": ""}, "podman"),
        ({"/.dockerenv": "", "/var/run/secrets/kubernetes.io/x": ""}, "kubernetes"),
        ({"/.singularity.d/runscript": ""}, "apptainer"),
        ({"/run/systemd/container": "systemd-nspawn\n"}, "systemd-nspawn"),
        ({"/proc/1/environ": "a=b\0container=lxc\0"}, "lxc"),
        ({"/proc/1/cgroup": "4:memory:/docker/abc\n"}, "docker"),
        ({"/proc/1/cgroup": "4:memory:/kubepods/pod1\n"}, "kubernetes"),
        (
            {
                "/proc/self/mountinfo": "1 2 0:5 / / rw - overlay overlay "
                "rw,lowerdir=/var/lib/containerd/x\n"
            },
            "containerd",
        ),
        (
            {"/proc/self/mountinfo": "1 2 8:1 / / rw - ext4 /dev/sda1 rw\n"},
            None,
        ),
    ],
)
def test_container(tree, files, kind):
    assert host_container.container(tree(files)) == kind


@pytest.mark.parametrize(
    ("release", "kind"),
    [
        ("6.8.0-40-generic", None),
        ("4.4.0-19041-Microsoft", "wsl1"),
        ("5.15.153.1-microsoft-standard-WSL2", "wsl2"),
    ],
)
def test_wsl(release, kind):
    assert host_container.wsl(release) == kind


def processor(text, machine="x86_64"):
    seen = cpu.Processor()
    cpu.read_cpuinfo(seen, text, machine)
    return seen


def test_cpuinfo_of_x86():
    seen = processor(
        "processor\t: 0\nmodel name\t: EPYC\nvendor_id : A\nflags\t: fpu avx2\n\nx: y\n"
    )
    assert (seen.model, seen.vendor, seen.features) == ("EPYC", "A", ["avx2", "fpu"])


def test_cpuinfo_of_arm():
    seen = processor("processor: 0\nFeatures: asimd bf16 sve\nCPU implementer: 0x41\n", "aarch64")
    assert seen.features == ["asimd", "bf16", "sve"]
    assert not seen.foreign


def test_an_arm_processor_under_an_x86_process_is_translated():
    seen = processor("processor: 0\nFeatures: asimd\nCPU implementer: 0x41\n")
    assert seen.foreign
    assert seen.features is None


def test_cpuinfo_without_instruction_sets():
    seen = processor("processor: 0\nhart: 0\nuarch: sifive\n", "riscv64")
    assert (seen.model, seen.features) == ("sifive", None)


def test_micro_architecture_levels():
    second = ["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"]
    third = [*second, *["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"]]
    fourth = [*third, *["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]]
    assert [cpu.x86_64_level(names) for names in ([], second, third, fourth)] == [1, 2, 3, 4]
    assert cpu.x86_64_level(fourth[1:]) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2.36", (2, 36)), ("2.20-2014.11", (2, 20)), ("1.2.4", (1, 2)), ("2", None), (None, None)],
)
def test_release_of_a_c_library(text, expected):
    assert libc.release(text) == expected


def test_the_loader_of_a_musl_program_is_read(tmp_path):
    """Scenario 38: the program cannot run here, its header can be read."""
    (tmp_path / "p.c").write_text("int main(void) { return 0; }\n")
    loader = "/lib/ld-musl-x86_64.so.1"
    argv = ["gcc", "-o", "p", "p.c", f"-Wl,-dynamic-linker,{loader}"]
    subprocess.run(argv, cwd=tmp_path, check=True)
    assert elf.read(str(tmp_path / "p")).interpreter == loader


def test_macos_version_behind_the_compatible_one(tree):
    plist = "<key>ProductVersion</key>\n<string>{}</string>\n"
    file = "/System/Library/CoreServices/SystemVersion.plist"
    assert host.macos_version(tree({file: plist.format("14.5")})) == "14.5"
    assert host.macos_version(tree({file: "garbage"})) is None
