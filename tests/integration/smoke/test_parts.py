"""Each part of the smoke passes on a healthy machine, and fails when what it tries is broken."""

from __future__ import annotations

import os
import sysconfig
import tempfile
from importlib import import_module
from pathlib import Path

import pytest
import smoke_faults as faults
from smoke_faults import smoke

import envcheck.smoke as smoke_package
from envcheck.smoke import FUNCTIONS, PARTS, run

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

HEADERS = Path(sysconfig.get_path("include"), "Python.h").exists()


def statuses(records):
    return {record["status"] for record in records}


def reasons(records):
    return " | ".join(record["reason"] or "" for record in records)


def only(records):
    assert len(records) == 1
    return records[0]


# -- healthy ----------------------------------------------------------------------------------


def test_a_healthy_machine_passes():
    records = smoke(fault=faults.left_behind)
    kinds = {(record["part"], record["device"], record["dtype"]) for record in records}
    on_cpu = {(part, dtype) for part, device, dtype in kinds if device == "cpu"}
    assert on_cpu == {
        ("processes", "fp32"),
        *((part, dtype) for part in ("mlp", "transformer") for dtype in ("fp32", "bf16", "fp16")),
        ("resume", "fp32"),
        ("compile", "fp32"),
    }
    for record in records:
        if record["part"] == "compile" and not HEADERS:
            assert "Python.h" in record["reason"]
            continue
        assert record["status"] == "pass", record
        assert not record["reason"]
        assert record["cpu_seconds"] > 0
        assert record["steps"] > 0
    for record in records:
        if record["part"] in ("mlp", "transformer"):
            assert record["last_loss"] <= record["wanted"] <= record["first_loss"] / 9.9
            assert record.get("emulated") in (None, True, False)


def test_parts_run_in_their_order_whatever_was_said():
    records = smoke("resume", "mlp")
    assert [record["part"] for record in records] == ["mlp"] * 3 + ["resume"]


def test_a_part_that_there_is_not():
    with pytest.raises(ValueError, match=r"'sing'.*processes"):
        run(print, ["mlp", "sing"])
    assert tuple(FUNCTIONS) == PARTS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_table_of_parts(name):
    module, _, function = FUNCTIONS[name].partition(":")
    assert getattr(import_module(module), function).__doc__
    assert f"\n``{name}``" in smoke_package.__doc__, "says what it proves"


@pytest.mark.parametrize(
    "variables",
    [
        {"HOME": None, "USER": None, "LOGNAME": None},
        {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "1"},
        {"OMPI_COMM_WORLD_SIZE": "4"},
        {"CUDA_VISIBLE_DEVICES": ""},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_variables_that_do_no_harm(variables):
    records = smoke("processes", "mlp", "resume", fault=faults.variables, args=[variables])
    assert statuses(records) == {"pass"}, records


@pytest.mark.parametrize(
    ("fault", "args"),
    [
        (faults.output_closed, ()),
        (faults.warnings_are_errors, ()),
        (faults.nobody_may_wait, ()),
        (faults.threads, (4,)),
    ],
)
def test_surroundings_that_do_no_harm(fault, args):
    records = smoke("processes", "mlp", "resume", fault=fault, args=args)
    assert statuses(records) == {"pass"}, records


# -- training ---------------------------------------------------------------------------------


def test_products_of_zeros():
    records = smoke("processes", "mlp", fault=faults.kernels_return, args=(0.0, "mm", "addmm"))
    assert statuses(records) == {"fail"}
    assert "the loss went from 0.69" in reasons(records)
    assert "the loss does not fall" in records[0]["reason"]


def test_products_that_are_not_numbers():
    records = smoke("mlp", fault=faults.kernels_return, args=(float("nan"), "addmm"))
    assert {record["reason"] for record in records} == {"the loss of step 1 is nan"}


def test_gradients_that_are_not_numbers():
    records = smoke("mlp", fault=faults.kernels_return, args=(float("nan"), "mm"))
    assert statuses(records) == {"fail"}
    by_dtype = {record["dtype"]: record["reason"] for record in records}
    assert by_dtype["fp32"] == "the gradient of step 1 is nan"
    assert "overflowed" in by_dtype["fp16"]


def test_attention_that_does_not_attend():
    records = smoke("transformer", fault=faults.attention_sees_nothing_but_itself)
    assert statuses(records) == {"fail"}
    assert "it should have fallen to 0.2" in reasons(records)


def test_an_optimizer_that_does_nothing():
    records = smoke("processes", "mlp", fault=faults.optimizers_do_nothing)
    assert statuses(records) == {"fail"}


def test_a_format_that_is_not_used():
    records = smoke("mlp", fault=faults.autocast_does_nothing)
    assert [record["status"] for record in records] == ["pass", "fail", "fail"]
    assert "not in fp16" in records[2]["reason"]


def test_a_loss_scale_that_is_never_right():
    records = smoke("mlp", fault=faults.scaled_gradients_overflow)
    assert [record["status"] for record in records] == ["pass", "pass", "fail"]
    assert "overflowed" in records[2]["reason"]


def test_devices_that_do_not_work():
    records = smoke("mlp", "resume", fault=faults.devices_that_do_not_work)
    found = [(record["device"], record["dtype"], record["status"]) for record in records]
    assert [what for what in found if what[0] == "cpu"] == [
        *(("cpu", dtype, "pass") for dtype in ("fp32", "bf16", "fp16")),
        ("cpu", "fp32", "pass"),
    ]
    assert ("xpu:0", "fp32", "fail") in found
    assert ("xpu:1", "bf16", "fail") not in found, "one training is enough on the second"
    assert "pass" not in {status for device, _, status in found if device != "cpu"}
    assert all(record["reason"] for record in records if record["device"] != "cpu")


# -- resuming ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        faults.generators_are_not_restored,
        faults.optimizers_load_nothing,
        faults.saved_with_three_digits,
    ],
)
def test_what_a_checkpoint_does_not_bring_back(fault):
    record = only(smoke("resume", fault=fault))
    assert record["status"] == "fail"
    assert "resumed it is" in record["reason"]


@pytest.mark.root
def test_a_full_disk(tmp_path):
    record = only(smoke("resume", fault=faults.disk_of, args=("16k", str(tmp_path))))
    assert record["status"] == "fail"
    assert "No space left on device" in record["reason"]


@pytest.mark.root
def test_nowhere_to_write(tmp_path):
    places = (tempfile.gettempdir(), "/tmp", "/var/tmp", "/usr/tmp", str(tmp_path))
    folders = [place for place in places if os.path.isdir(place)]
    records = smoke("mlp", "resume", "compile", fault=faults.read_only, args=folders)
    assert [record["status"] for record in records] == ["pass"] * 3 + ["skip"] * 2
    assert "no directory can be written to" in records[-1]["reason"]


# -- processes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (faults.second_is_killed, "rank 1 was killed by SIGKILL"),
        (faults.second_ends, "rank 1 ended with status 3 and no answer"),
        (faults.second_raises, "rank 1: MemoryError: nothing is left"),
        (faults.second_hangs, "rank 1 did not answer within 6 s"),
        (faults.second_steps_further, "weights of rank 1 differ from those of rank 0"),
        (faults.losses_differ_among_many, "2 processes differ from those of one process"),
    ],
)
def test_processes_that_fail(fault, reason):
    record = only(smoke("processes", fault=fault))
    assert record["status"] == "fail"
    assert reason in record["reason"]


@pytest.mark.root
def test_no_more_processes():
    record = only(smoke("processes", fault=faults.no_more_processes))
    assert record["status"] == "unknown", record
    assert "Resource temporarily unavailable" in record["reason"]


def test_a_platform_that_cannot_fork():
    record = only(smoke("processes", fault=faults.no_fork))
    assert record["status"] == "skip"
    assert "cannot be forked" in record["reason"]


# -- compiling --------------------------------------------------------------------------------


def test_a_compiler_that_fails(tmp_path):
    program = tmp_path / "g++"
    program.write_text(
        '#!/bin/sh\ncase "$*" in *-version*|*-v) echo "g++ (Broken) 12.2.0"; exit 0;; esac\n'
        'echo "x.cpp:1:10: fatal error: it is broken" >&2\nexit 1\n'
    )
    program.chmod(0o755)
    record = only(smoke("compile", fault=faults.compiler, args=[str(program)]))
    assert record["status"] == "fail"
    assert "fatal error: it is broken" in record["reason"]
    record = only(
        smoke("compile", fault=faults.errors_of_compiling_are_hidden, args=[str(program)])
    )
    assert record["status"] == "fail"
    assert "no code" in record["reason"]


@pytest.mark.skipif(not HEADERS, reason="only on machines with Python's headers")
def test_compiled_code_that_is_wrong():
    record = only(smoke("compile", fault=faults.compiled_code_is_wrong))
    assert record["status"] == "fail"
    assert "different when compiled" in record["reason"]


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"PATH": "/nonexistent", "CXX": None}, "there is no compiler: g++"),
        ({"TORCH_COMPILE_DISABLE": "1"}, "switched off: TORCH_COMPILE_DISABLE=1"),
        ({"TORCHDYNAMO_DISABLE": "1"}, "switched off: TORCHDYNAMO_DISABLE=1"),
    ],
)
def test_nothing_to_compile_with(variables, reason):
    record = only(smoke("compile", fault=faults.variables, args=[variables]))
    assert record["status"] == "skip"
    assert reason in record["reason"]


# -- time -------------------------------------------------------------------------------------


def test_no_time():
    records = smoke(seconds=0.0)
    assert statuses(records) == {"unknown"}
    assert {record["reason"] for record in records} == {"too little time was left"}


def test_too_little_time_to_compile():
    assert only(smoke("compile", seconds=5.0))["status"] == "unknown"
