"""The matrices that are shipped: each can be read, planned, prepared, and says what it is for."""

import ast
import json
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from packaging.requirements import Requirement

from envcheck import schemas
from envcheck.matrix import inputs, plan, shipped, spec
from envcheck.model.matrix import size

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SHIPPED = (
    "accelerate",
    "accelerate-1.13.0",
    "compilers",
    "numpy",
    "smoke",
    "tokenizers",
    "torch",
    "transformers-training",
)
FOLDER = Path(shipped.shipped("matrices"))


def planned(name):
    loaded = spec.load(name, "/")
    return loaded, plan.plan(*loaded[:3])


def test_these_are_shipped():
    assert shipped.names() == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_each_is_planned_and_its_inputs_are_there(name):
    loaded, planned_ = planned(name)
    assert loaded.document.summary
    assert loaded.folder == str(FOLDER)
    for cell in planned_.cells:
        assert (Path(shipped.shipped("dockerfiles")) / f"{cell.os}.Dockerfile").is_file()
        assert cell.test.requirements
        assert size(cell.limits.memory) <= 8 << 30
        assert not [url for url in (cell.index.url, *cell.index.extra_urls) if url]
    assert inputs.prepare(planned_.cells[0], planned_.folder).order


@pytest.mark.parametrize("name", SHIPPED)
def test_each_is_valid_by_the_schema(name):
    data = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    text = json.dumps(data, default=str)  # a day is a string for editors
    validator = Draft202012Validator(json.loads(schemas.text("matrix")))
    assert [error.message for error in validator.iter_errors(json.loads(text))] == []


def test_every_script_belongs_to_a_matrix_and_runs_on_every_python():
    used = {spec.load(name, "/").document.test.smoke for name in SHIPPED}
    scripts = {path.name: path for path in FOLDER.glob("*.py")}
    assert set(scripts) <= used
    for path in scripts.values():
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
        assert ast.get_docstring(tree)
        assert any(isinstance(node, ast.Assert) for node in ast.walk(tree)), path


#: the rows of the public table of accelerate 1.13.0
ROWS = [f"3.{minor}-{os}" for minor in (9, 10, 11, 12, 13) for os in ("alpine", "slim")]


def test_the_rows_of_the_page_of_accelerate():
    for name in ("accelerate", "accelerate-1.13.0"):
        assert [cell.id for cell in planned(name)[1].cells] == ROWS
    document = spec.load("accelerate-1.13.0", "/").document
    assert document.test.requirements == ["accelerate==1.13.0"]


#: the `Quick Install` lines of the page "transformers training environment" of 2025-12-18
QUICK = (
    "transformers torch accelerate datasets safetensors",
    "transformers[torch] accelerate datasets evaluate",
    "transformers torch accelerate datasets wandb tensorboard",
    "transformers torch accelerate datasets peft",
)


def test_every_quick_install_of_the_page_is_a_line():
    lines = spec.load("transformers-training", "/").document.variants["line"].values()
    assert tuple(" ".join(line.requirements) for line in lines) == QUICK


def test_the_quickstart_of_the_page_is_kept():
    text = (FOLDER / "accelerate_quickstart.py").read_text(encoding="utf-8")
    for line in (
        "from accelerate import Accelerator",
        "accelerator = Accelerator(mixed_precision=\"bf16\")",
        "model = nn.Linear(10, 1)",
        "model, optimizer, dataloader = accelerator.prepare(model, optimizer, dataloader)",
        "model.train()",
        "optimizer.zero_grad()",
        "outputs = model(batch[\"input\"])",
        "loss = nn.functional.mse_loss(outputs, batch[\"target\"])",
        "accelerator.backward(loss)",
        "optimizer.step()",
        "accelerator.wait_for_everyone()",
        "if accelerator.is_main_process:",
        "accelerator.save_model(model, \"output/\")",
    ):  # fmt: skip
        assert line in text


def test_what_is_built_is_built_with_and_without_a_compiler():
    _, planned_ = planned("compilers")
    assert {cell.os for cell in planned_.cells} == {"slim", "slim-cc", "alpine", "alpine-cc"}
    for cell in planned_.cells:
        names = [Requirement(word).name for word in cell.test.requirements]
        assert cell.index.no_binary == names


def test_the_smoke_matrix_fits_the_stand_ins():
    ids = [cell.id for cell in planned("smoke")[1].cells]
    assert set(ids) == {
        *(f"3.{minor}-slim" for minor in range(9, 14)),
        *(f"3.{minor}-alpine" for minor in (9, 11, 13)),
    }
