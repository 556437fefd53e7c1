"""Cells of a matrix: their ids, their order, what is added, left out and selected."""

import time
import tracemalloc

import pytest

from envcheck.errors import UsageError
from envcheck.matrix import plan as planning
from envcheck.matrix import spec

HEAD = 'schema = "envcheck.matrix/1"\n[test]\nrequirements = ["numpy"]\nsmoke = "none"\n[axes]\n'


def plan(table, rest="", **options):
    return planning.plan(
        spec.loads(HEAD + table + rest), "m", ".", architecture="x86_64", **options
    )


def ids(*words, **options):
    return [cell.id for cell in plan(*words, **options).cells]


TWO = 'python = ["3.10", "3.9"]\nos = ["slim", "alpine"]\n'


def test_ids_have_python_and_os_and_are_sorted_by_version():
    assert ids(TWO) == ["3.9-slim", "3.9-alpine", "3.10-slim", "3.10-alpine"]
    odd = 'python = ["3.13t", "3.13", "3.9.18", "3.9"]\nos = ["slim"]\n'
    assert ids(odd) == ["3.9-slim", "3.9.18-slim", "3.13-slim", "3.13t-slim"]


def test_an_axis_with_one_value_is_not_in_the_id():
    axes = 'python = ["3.9"]\nos = ["slim"]\ninstaller = ["pip"]\narchitecture = ["aarch64"]\n'
    (cell,) = plan(axes, '[variants.torch.cpu]\nnote = "CPU"\n').cells
    assert cell.id == "3.9-slim"
    assert (cell.python, cell.os, cell.installer, cell.notes) == ("3.9", "slim", "pip", ["CPU"])
    assert cell.axes["architecture"] == "aarch64"
    assert cell.axes["torch"] == "cpu"


def test_an_axis_with_several_values_is():
    axes = (
        'python = ["3.9"]\nos = ["slim"]\ninstaller = ["uv", "pip"]\n'
        'architecture = ["x86_64", "aarch64"]\n'
    )
    assert ids(axes, "[variants.torch.cpu]\n[variants.torch.cuda]\n") == [
        f"3.9-slim-{installer}-{torch}-{architecture}"
        for installer in ("uv", "pip")
        for torch in ("cpu", "cuda")
        for architecture in ("x86_64", "aarch64")
    ]


def test_what_is_included_and_excluded():
    rest = (
        '[[exclude]]\npython = "3.1*"\nos = "alp*"\n'
        '[[include]]\npython = "3.14"\n[[include]]\npython = "3.9"\nos = "alpine"\n'
    )
    assert ids(TWO, rest) == ["3.9-slim", "3.9-alpine", "3.10-slim", "3.14-slim"]
    assert ids(TWO, '[[include]]\npython = "3.9"\ninstaller = "pip"\n')[:2] == [
        "3.9-slim-uv",
        "3.9-slim-pip",
    ]


def test_a_matrix_without_cells_is_a_mistake():
    with pytest.raises(UsageError, match="everything is left out"):
        plan(TWO, '[[exclude]]\nos = "*"\n')


def test_variants_add_to_what_is_tested():
    rest = (
        '[index]\nurl = "https://a.example"\nextra-urls = ["https://b.example"]\n'
        '[variants.torch.cpu]\nrequirements = ["torch"]\nconstraints = ["torch==2.13.0+cpu"]\n'
        'extra-index-urls = ["https://c.example"]\n[variants.torch.none]\n'
    )
    cells = {cell.id: cell for cell in plan('python = ["3.9"]\nos = ["slim"]\n', rest).cells}
    cpu, none = cells["3.9-slim-cpu"], cells["3.9-slim-none"]
    assert cpu.test.requirements == ["numpy", "torch"]
    assert cpu.test.constraints == ["torch==2.13.0+cpu"]
    assert cpu.index.extra_urls == ["https://b.example", "https://c.example"]
    assert (none.test.requirements, none.index.extra_urls) == (["numpy"], ["https://b.example"])


def test_the_command_line_narrows_and_extends_axes_and_ids_stay():
    rest = "[variants.torch.cpu]\n[variants.torch.cuda]\n"
    assert ids(TWO, rest, axes={"torch": ["cpu"], "os": ["slim"], "python": ["3.15", "3.9"]}) == [
        "3.9-slim-cpu",
        "3.15-slim-cpu",
    ]
    included = '[[include]]\npython = "3.14"\nos = "slim"\n'
    assert ids(TWO, included, axes={"python": ["3.9"]}) == ["3.9-slim", "3.9-alpine"]
    with pytest.raises(UsageError, match=r"no axis `tourch` .did you mean `torch`"):
        plan(TWO, rest, axes={"tourch": ["cpu"]})
    with pytest.raises(UsageError, match=r"no value of the axis torch") as caught:
        plan(TWO, rest, axes={"torch": ["rocm"]})
    assert caught.value.hint == "values: cpu, cuda"


def test_only_selects_by_globs():
    assert ids(TWO, only=["3.9-*", "*-alpine"]) == ["3.9-slim", "3.9-alpine", "3.10-alpine"]
    with pytest.raises(UsageError, match=r"no cell is called `3.9-slm` .did you mean `3.9-slim`"):
        plan(TWO, only=["3.10-*", "3.9-slm"])
    assert UsageError.exit_code == 2


def test_options_of_a_requirements_file_are_the_cells_(tmp_path):
    (tmp_path / "wheels").mkdir()
    (tmp_path / "r.txt").write_text("--pre\n-f wheels\n-i https://i.example/simple\nidna\n")
    chosen = spec.choose([], str(tmp_path), requirements_file="r.txt", python=["3.11"])
    (alpine, slim) = planning.plan(*chosen[:3]).cells
    assert alpine.index == slim.index
    assert (slim.index.url, slim.index.pre) == ("https://i.example/simple", True)
    assert slim.index.find_links == ["wheels"]


def test_a_thousand_cells_are_little_work():
    pythons = ", ".join(f'"3.{n}"' for n in range(25))
    systems = ", ".join(f'"os{n}"' for n in range(20))
    axes = f'python = [{pythons}]\nos = [{systems}]\ninstaller = ["uv", "pip"]\n'
    document = spec.loads(HEAD + axes)
    tracemalloc.start()
    started = time.process_time()
    cells = planning.plan(document, "m", ".").cells
    taken = time.process_time() - started
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len({cell.id for cell in cells}) == len(cells) == 1000
    assert len({id(cell.test) for cell in cells}) == 1
    assert taken < 1  # of the second that planning and storing have; 0.02 s is usual
    assert peak < 5 << 20
