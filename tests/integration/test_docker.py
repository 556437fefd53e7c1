"""Images and containers, glibc and musl: examined for real, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from envcheck.errors import TargetError

pytestmark = pytest.mark.docker

IMAGES = {
    **{f"{version}-slim": "glibc" for version in ("3.9", "3.10", "3.11", "3.12", "3.13")},
    **{f"{version}-musl": "musl" for version in ("3.9", "3.11", "3.13")},
}
BASE = "envcheck-base"


def docker(*words, **named):
    done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=120, **named)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def ours():
    """Containers that targets of this process have made and that are still there."""
    name = f"name=^/envcheck-{os.getpid()}-"
    return docker("ps", "-aq", "--filter", "label=envcheck", "--filter", name)


@pytest.fixture
def image(tmp_path):
    """Builds small images from a stand-in; they are removed afterwards."""
    built = []

    def build(*lines, base="3.11-slim"):
        (tmp_path / "Dockerfile").write_text("\n".join([f"FROM {BASE}:{base}", *lines, ""]))
        name = f"envcheck-test:{os.getpid()}-{len(built)}"
        docker("build", "-q", "-t", name, str(tmp_path), env={**os.environ, "DOCKER_BUILDKIT": "0"})
        built.append(name)
        return name

    yield build
    for name in built:
        subprocess.run(["docker", "image", "rm", "-f", name], capture_output=True)


@pytest.fixture
def container():
    """Starts containers; they are removed afterwards."""
    started = []

    def start(*words, image=f"{BASE}:3.11-musl", command=("sleep", "600")):
        started.append(docker("run", "-d", "--entrypoint", "", *words, image, *command))
        return started[-1]

    yield start
    for name in started:
        docker("rm", "-fv", name)


@pytest.mark.parametrize("tag", IMAGES)
def test_an_image(facts, tag):
    document = facts(image=f"{BASE}:{tag}")
    known = document["facts"]
    assert document["agent"]["status"] == "ok"
    assert known["interpreter.version"]["value"].startswith(tag.partition("-")[0] + ".")
    assert known["host.libc.family"]["value"] == IMAGES[tag]
    assert document["target"]["kind"] == "image"
    assert document["target"]["chosen_by"] == "python3 on its PATH"
    bad = {name: probe for name, probe in document["probes"].items() if probe["status"] != "ok"}
    assert not bad
    assert ours() == ""


@pytest.mark.parametrize("tag", ["3.12-slim", "3.13-musl"])
def test_doctor_is_quiet_about_a_healthy_image(envcheck, tag):
    done = envcheck("doctor", "--image", f"{BASE}:{tag}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"Examined image {BASE}:{tag} (CPython {tag[:4]}.")


@pytest.mark.parametrize("tag", ["3.9-slim", "3.11-musl"])
def test_a_running_container_is_not_written_to(facts, container, tag):
    name = container(image=f"{BASE}:{tag}")
    document = facts(container=name)
    assert document["facts"]["interpreter.version"]["value"].startswith(tag.partition("-")[0])
    assert document["target"]["image"] == f"{BASE}:{tag}"
    assert docker("diff", name) == ""


def test_a_container_with_a_read_only_root_and_another_user(facts, container):
    name = container("--read-only", "--user", "4711:4711", "--network", "none")
    document = facts(container=name)
    assert document["agent"]["status"] == "ok"


def test_what_the_container_sets_is_what_is_seen(facts, container):
    name = container("--memory", "200m", "-e", "HF_HOME=/data")
    known = facts(container=name)["facts"]
    assert known["limits.memory.effective"]["value"] == 200 << 20


def test_the_image_without_python_says_so(envcheck, facts):
    done = envcheck("doctor", "--image", f"{BASE}:slim")
    assert done.returncode == 3
    assert f"cannot examine the image {BASE}:slim: there is no Python in it" in done.stderr
    assert "hint: name the interpreter with --python" in done.stderr
    with pytest.raises(TargetError):
        facts(image=f"{BASE}:slim")
    assert ours() == ""


def test_an_image_that_is_not_there_is_not_pulled(envcheck):
    done = envcheck("doctor", "--image", "envcheck-test/none:1")
    assert done.returncode == 3
    assert "hint: docker pull envcheck-test/none:1" in done.stderr


def test_a_container_that_is_not_there_or_does_not_run(envcheck, container):
    done = envcheck("doctor", "--container", "envcheck-test-none")
    assert done.returncode == 3
    assert "no container envcheck-test-none" in done.stderr
    name = container(command=("true",))
    docker("wait", name)
    done = envcheck("doctor", "--container", name)
    assert done.returncode == 3
    assert "does not run: it is exited" in done.stderr


def test_a_paused_container_is_to_be_unpaused(envcheck, container):
    name = container()
    docker("pause", name)
    done = envcheck("doctor", "--container", name)
    docker("unpause", name)
    assert done.returncode == 3
    assert f"docker unpause {name}" in done.stderr


def test_entrypoint_user_volumes_and_command_do_not_matter(facts, image):
    name = image(
        "RUN mkdir /data",
        "VOLUME /data",
        "USER 4711",
        "WORKDIR /data",
        'ENTRYPOINT ["/bin/false"]',
        'CMD ["serve"]',
    )
    volumes = docker("volume", "ls", "-q")
    document = facts(image=name)
    assert document["agent"]["status"] == "ok"
    assert docker("volume", "ls", "-q") == volumes
    assert ours() == ""


def test_the_environment_of_an_image_comes_before_its_path(facts, image):
    name = image(
        "RUN python3 -m venv --without-pip /srv/env && python3 -m venv --without-pip /srv/.venv",
        "WORKDIR /srv",
        "ENV VIRTUAL_ENV=/srv/env",
    )
    document = facts(image=name)
    assert document["facts"]["interpreter.prefix"]["value"] == "/srv/env"
    assert document["target"]["chosen_by"] == "VIRTUAL_ENV in it"
    document = facts(image=name, python="/usr/local/bin/python3")
    assert document["facts"]["interpreter.prefix"]["value"] == "/usr/local"
    assert document["target"]["chosen_by"] == "--python"


def test_the_environment_in_the_working_directory_of_an_image(facts, image):
    name = image("WORKDIR /srv/app", "RUN python3 -m venv --without-pip .venv")
    document = facts(image=name)
    assert document["facts"]["interpreter.prefix"]["value"] == "/srv/app/.venv"
    assert document["target"]["chosen_by"] == ".venv in its working directory"


def test_an_interpreter_that_is_not_on_path_is_found(facts, image):
    name = image("RUN python3 -m venv --without-pip /opt/venv", "ENV PATH=/nothing")
    document = facts(image=name)
    assert document["facts"]["interpreter.prefix"]["value"] == "/opt/venv"
    assert document["target"]["chosen_by"] == "a usual place"


def test_an_image_whose_start_up_hangs(facts, image):
    name = image(
        "RUN python3 -c \"import site; open(site.getsitepackages()[0] + '/hang.pth', 'w')"
        ".write('import time; time.sleep(600)')\""
    )
    document = facts(image=name, timeout=8.0)
    assert "start-up did not end within" in document["target"]["startup"]
    assert document["agent"]["status"] == "ok"
    assert ours() == ""


def test_an_image_whose_start_up_fails(facts, image):
    name = image(
        "RUN python3 -c \"import site; open(site.getsitepackages()[0] + '/sitecustomize.py', 'w')"
        '.write(\'raise SystemExit(\\"start-up says no\\")\')"'
    )
    assert "start-up says no" in facts(image=name)["target"]["startup"]


def test_only_python_2(facts, interpreters):
    """A container that sees nothing but Python 2.7 of this machine."""
    old = next((path for version, path in interpreters.items() if version.startswith("2.7")), None)
    if old is None:
        pytest.skip("only on a machine with Python 2.7")
    root = os.path.dirname(os.path.dirname(os.path.realpath(old)))
    words = ["-v", f"{root}:/opt/old:ro", "-e", "LD_LIBRARY_PATH=/opt/old/lib"]
    name = docker("run", "-d", *words, f"{BASE}:slim", "sleep", "600")
    try:
        document = facts(container=name, python="/opt/old/bin/python2.7")
    finally:
        docker("rm", "-f", name)
    assert document["agent"]["status"] == "unsupported"
    assert document["facts"]["interpreter.version"]["value"].startswith("2.7.")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_doctor_removes_its_container(image, number):
    name = image(
        "RUN python3 -c \"import site; open(site.getsitepackages()[0] + '/hang.pth', 'w')"
        ".write('import time; time.sleep(600)')\""
    )
    doctor = subprocess.Popen(
        [sys.executable, "-m", "envcheck", "doctor", "--image", name],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    running = ["ps", "-q", "--filter", "label=envcheck", "--filter", f"ancestor={name}"]
    end = time.monotonic() + 60
    while time.monotonic() < end and not docker(*running):
        time.sleep(0.05)
    doctor.send_signal(number)
    doctor.communicate(timeout=60)
    assert doctor.returncode == (130 if number == signal.SIGINT else 143)
    assert docker("ps", "-aq", "--filter", f"ancestor={name}") == ""


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("unix:///nonexistent/docker.sock", "no engine answers"),
        ("tcp://127.0.0.1:1", "no engine answers"),
        ("nonsense://x", "cannot use Docker"),
    ],
)
def test_an_engine_that_does_not_answer(envcheck, address, expected):
    done = envcheck("doctor", "--image", f"{BASE}:3.11-slim", env={"DOCKER_HOST": address})
    assert done.returncode == 3
    assert expected in done.stderr
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.root
def test_a_socket_that_may_not_be_used(tmp_path):
    """As a user who is not in the group docker."""
    code = (
        "import os; os.setgroups([]); os.setgid(4711); os.setuid(4711)\n"
        "from envcheck.targets import engine\n"
        "engine.connect(5)"
    )
    # Modules are imported first: the user may not read this interpreter's directory.
    early = "import docker, requests, docker.transport, envcheck.targets.engine\n"
    early += "import docker.context, docker.utils.config, encodings.idna\n"
    done = subprocess.run([sys.executable, "-c", early + code], capture_output=True, text=True)
    assert "permission denied on the engine's socket" in done.stderr
