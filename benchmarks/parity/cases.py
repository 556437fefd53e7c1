# ruff: noqa: E501 - programs and sentences
"""The programs that show differences, and who is right."""

from __future__ import annotations

from benchmarks.parity.differences import Case

CASES = (
    Case(
        "random numbers, dataset and dropout",
        """
class Noisy(torch.utils.data.Dataset):
    def __len__(self): return 12
    def __getitem__(self, i): return torch.ones(4) * i + torch.randn(4)
def run(prepared):
    set_seed(3)
    model, loader = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)), DataLoader(Noisy(), batch_size=4)
    if prepared: model, loader = Accelerator(cpu=True).prepare(model, loader)
    return [model(batch).sum().item() for batch in loader]
plain, theirs = run(False), run(True)
observed("as the plain loop" if plain == theirs else f"first batch {theirs[0]:.4f}, plain loop {plain[0]:.4f}")
""",
        r"as the plain loop",
        r"first batch .*, plain loop",
        "ours: Accelerate fetches a batch ahead to learn which one is the last, so the dataset draws before the model does. A loader of known length needs no look-ahead",
    ),
    Case(
        "fp16 on a CPU",
        """
accelerator = Accelerator(cpu=True, mixed_precision="fp16")
linear = nn.Linear(4, 4)
model, optimizer = accelerator.prepare(nn.Sequential(linear), torch.optim.SGD(linear.parameters(), lr=0.1))
linear.register_forward_hook(lambda m, i, output: observed(f"computes in {output.dtype}"))
accelerator.backward(model(torch.ones(2, 4)).sum())
observed(f"gradients scaled by {accelerator.scaler.get_scale() if accelerator.scaler else 1:g}")
""",
        r"float16.*scaled by 65536.*warns",
        r"float32.*scaled by 1$",
        "ours: what was asked for happens, with a warning that a CPU only emulates it. In Accelerate a test of fp16 on a CPU tests fp32",
    ),
    Case(
        "loss.backward() while accumulating",
        """
accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
model = nn.Linear(4, 1, bias=False)
model, optimizer, loader = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1), DataLoader(rows(), batch_size=4))
for (batch,) in loader:
    with accelerator.accumulate(model):
        model(batch).mean().backward()
        if accelerator.sync_gradients:
            right = torch.arange(32.0).reshape(8, 4).mean(0)
            observed(f"gradient is {(model.weight.grad / right)[0, -1].item():g} times the right one")
        optimizer.step()
observed("stepped")
""",
        r"raises RuntimeError.*backward",
        r"2 times the right one; stepped",
        "ours: the step is refused, because its gradient is wrong",
    ),
    Case(
        "loss.backward() alone",
        """
accelerator = Accelerator(cpu=True)
model = nn.Linear(4, 1)
model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1))
model(torch.ones(2, 4)).sum().backward()
optimizer.step()
observed("stepped")
""",
        r"stepped.*warns:.*backward",
        r"^stepped$",
        "ours: harmless here, and wrong as soon as scaling or accumulation is switched on; so a warning, not an error",
    ),
    Case(
        "an optimizer that was not prepared",
        """
accelerator = Accelerator(cpu=True, gradient_accumulation_steps=4)
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model, loader = accelerator.prepare(model, DataLoader(rows(), batch_size=2))
steps = 0
for (batch,) in loader:
    with accelerator.accumulate(model):
        accelerator.backward(model(batch).mean())
        before = model.weight.detach().clone()
        optimizer.step()
        steps += int(not torch.equal(before, model.weight))
        optimizer.zero_grad()
observed(f"{steps} steps for one accumulated one")
""",
        r"raises RuntimeError.*prepare",
        r"4 steps for one",
        "ours: every micro-batch becomes a step of a quarter of its gradient, and nothing says so",
    ),
    Case(
        "custom object whose state only pickle can load",
        """
class Payload:
    def __reduce__(self): return (os.mkdir, ("made-by-the-checkpoint",))
class Custom:
    state = {"a": 1}
    def state_dict(self): return self.state
    def load_state_dict(self, state): pass
accelerator, custom = Accelerator(cpu=True), Custom()
accelerator.register_for_checkpointing(custom)
accelerator.save_state("checkpoint")
torch.save({"a": Payload()}, "checkpoint/custom_checkpoint_0.pkl")
try:
    accelerator.load_state("checkpoint")
except Exception as error:
    observed("load_state raises", type(error).__name__ + ":", " ".join(str(error).split())[:250])
observed("code in the checkpoint", "RAN" if os.path.exists("made-by-the-checkpoint") else "did not run")
""",
        r"raises.*posix\.mkdir.*add_safe_globals.*did not run",
        r"RAN",
        "ours: a checkpoint is data. Who trusts it says so with load_kwargs={'weights_only': False}",
    ),
    Case(
        "tail of an accumulation",
        """
accelerator = Accelerator(cpu=True, gradient_accumulation_steps=4)
model = nn.Linear(4, 1, bias=False)
model, optimizer, loader = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1), DataLoader(rows(5), batch_size=1))
for (batch,) in loader:
    with accelerator.accumulate(model):
        accelerator.backward(model(batch).mean())
        if accelerator.sync_gradients and accelerator.gradient_state.end_of_dataloader:
            observed(f"the last of 5 batches, alone in its step, weighs {(model.weight.grad / batch)[0, 0].item():g}")
        optimizer.step(); optimizer.zero_grad()
""",
        r"weighs 0\.25",
        r"weighs 0\.25",
        "the same, on purpose: the divisor is fixed, as in the usual plain loop, so a group that is cut short weighs less. The other rule would need to know the length",
    ),
    Case(
        "two processes, nobody asked for the CPU",
        """
os.environ.pop("ACCELERATE_USE_CPU", None)
accelerator = Accelerator()
torch.distributed.barrier()
observed(f"{accelerator.num_processes} processes together, {torch.distributed.get_world_size()} in the group")
""",
        r"every rank: 2 processes together",
        r"every rank: 1 processes together",
        "ours: torchrun started two. Accelerate makes a group of them, and lets each train alone on all data and write the same files",
        world=2,
    ),
    Case(
        "WORLD_SIZE without the rest of torchrun's variables",
        """
os.environ.update(WORLD_SIZE="2", RANK="0")
accelerator = Accelerator()
observed(f"{accelerator.num_processes} process, that of rank {accelerator.process_index}")
""",
        r"raises RuntimeError.*LOCAL_RANK",
        r"1 process",
        "ours: another process exists and would train alone as well",
    ),
    Case(
        "disk full while saving over a checkpoint",
        """
import resource
accelerator = Accelerator(cpu=True)
model = nn.Linear(64, 64)
model, optimizer = accelerator.prepare(model, torch.optim.Adam(model.parameters()))
def step():
    accelerator.backward(model(torch.ones(1, 64)).sum()); optimizer.step(); optimizer.zero_grad()
step()
accelerator.save_state("checkpoint")
saved = model.weight.detach().clone()
step()
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (25000, hard))
try:
    accelerator.save_state("checkpoint")
    observed("second save: no error")
except Exception as error:
    observed("second save raises", type(error).__name__)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
try:
    accelerator.load_state("checkpoint")
    observed("first checkpoint", "is intact" if torch.equal(saved, model.weight) else "IS GONE")
except Exception as error:
    observed("first checkpoint IS GONE:", type(error).__name__, str(error)[:80])
""",
        r"raises.*is intact",
        r"IS GONE",
        "ours: written beside and renamed when complete",
    ),
    Case(
        "disk full, total_limit=1",
        """
import resource
accelerator = Accelerator(cpu=True, project_config=ProjectConfiguration(project_dir=".", automatic_checkpoint_naming=True, total_limit=1))
model = accelerator.prepare(nn.Linear(64, 64))
accelerator.save_state()
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (9000, hard))
try:
    accelerator.save_state()
except Exception as error:
    observed("second save raises", type(error).__name__)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
whole = [name for name in sorted(os.listdir("checkpoints")) if os.path.exists(f"checkpoints/{name}/model.safetensors") and os.path.getsize(f"checkpoints/{name}/model.safetensors") > 16000]
observed("whole checkpoints left:", ", ".join(whole) or "NONE")
""",
        r"left: checkpoint_0",
        r"left: NONE",
        "ours: the oldest goes when the new one is there, not before",
    ),
    Case(
        "NaN loss",
        """
accelerator = Accelerator(cpu=True)
model = nn.Linear(4, 1)
model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1))
accelerator.backward(model(torch.full((1, 4), float("nan"))).sum())
optimizer.step()
observed("weights are", "finite" if model.weight.isfinite().all() else "NaN")
""",
        r"raises FloatingPointError",
        r"weights are NaN",
        "ours: after this step nothing can be saved any more",
    ),
    Case(
        "ranks with unequal numbers of batches",
        """
accelerator = Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(even_batches=False))
model = nn.Linear(4, 1)
model, optimizer, loader = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1), DataLoader(rows(12), batch_size=4))
for (batch,) in loader:
    accelerator.backward(model(batch / 100).mean()); optimizer.step(); optimizer.zero_grad()
observed("done")
""",
        r"every rank: raises RuntimeError.*join_uneven_inputs",
        r"rank 0: raises RuntimeError",
        "ours: said before the first gradient, with what to do about it",
        world=2,
    ),
    Case(
        "the same with join_uneven_inputs",
        """
accelerator = Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(even_batches=False))
model = nn.Linear(4, 1)
model, optimizer, loader = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1), DataLoader(rows(12), batch_size=4))
with accelerator.join_uneven_inputs([model]):
    for (batch,) in loader:
        accelerator.backward(model(batch / 100).mean()); optimizer.step(); optimizer.zero_grad()
observed("done")
""",
        r"every rank: done",
        r"rank 0: .*raises RuntimeError",
        "ours: torch's Join works with gloo as well",
        world=2,
    ),
    Case(
        "a process dies",
        """
accelerator = Accelerator(cpu=True)
model = accelerator.prepare(nn.Linear(4, 1))
if accelerator.process_index == 1:
    os._exit(3)
accelerator.backward(model(torch.ones(1, 4)).sum())
observed("done")
""",
        r"rank 0: raises RuntimeError: .*rank 1",
        r"rank 0: raises RuntimeError",
        "ours: names the rank that has gone",
        world=2,
    ),
    Case(
        "two Accelerators",
        """
one, other = Accelerator(cpu=True, gradient_accumulation_steps=4), Accelerator(cpu=True)
model, second = one.prepare(nn.Linear(4, 1)), other.prepare(nn.Linear(4, 1))
with one.accumulate(model):
    observed(f"the first accumulates {one.gradient_accumulation_steps}; the second, which accumulates nothing, has sync_gradients={other.sync_gradients}")
""",
        r"accumulates 4; .*sync_gradients=True",
        r"accumulates 1; .*|.*sync_gradients=False",
        "ours: gradient state belongs to one Accelerator. In Accelerate it is shared by all of a process, so a GAN with two of them accumulates what it did not ask for",
    ),
    Case(
        "launch: words after the script",
        """
import subprocess
from pathlib import Path
Path("script.py").write_text("import sys; print('script got', sys.argv[1:])")
module = {"ours": "envcheck.accelerator", "accelerate": "accelerate.commands.accelerate_cli"}[LIBRARY]
for words in (["script.py", "--lr", "3"], ["--", "script.py", "--lr", "3"], ["script.py", "--", "--lr"], ["script.py", "--num_processes", "2"]):
    argv = [sys.executable, "-m", module, "launch", "--cpu", "--num_processes", "1", *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    got = [line for line in done.stdout.splitlines() if line.startswith("script got")]
    said = [line for line in done.stderr.splitlines() if "num_processes" in line and words[-1] == "2" and "script" in line]
    observed(" ".join(words), "->", got[0] if got else f"status {done.returncode}", *(["and says so"] if said else []))
""",
        r"script\.py --lr 3 -› script got \['--lr', '3'\].*script\.py --num_processes 2 -› script got.*and says so",
        r"script\.py --lr 3 -› script got \['--lr', '3'\].*script\.py --num_processes 2 -› script got(?!.*and says so)",
        "ours: a flag of the launcher after the script is the script's, and is pointed out",
    ),
    Case(
        "truncated checkpoint: what load_state leaves behind",
        """
accelerator = Accelerator(cpu=True)
model = nn.Linear(8, 8)
model, optimizer = accelerator.prepare(model, torch.optim.Adam(model.parameters()))
accelerator.save_state("checkpoint")
with open("checkpoint/optimizer.bin", "r+b") as file: file.truncate(100)
with torch.no_grad(): model.weight.zero_()
try:
    accelerator.load_state("checkpoint")
except Exception as error:
    observed("raises", type(error).__name__)
observed("the model is", "as before" if not model.weight.any() else "CHANGED")
""",
        r"raises.*as before",
        r"raises.*CHANGED",
        "ours: everything is read and checked before anything is changed",
    ),
    Case(
        "checkpoint of another model",
        """
accelerator = Accelerator(cpu=True)
first, second = accelerator.prepare(nn.Linear(8, 8), nn.Linear(8, 4))
accelerator.save_state("checkpoint")
import shutil; shutil.copy("checkpoint/model.safetensors", "checkpoint/model_1.safetensors")
with torch.no_grad(): first.weight.zero_()
try:
    accelerator.load_state("checkpoint")
except Exception as error:
    observed("raises", type(error).__name__)
observed("the first model is", "as before" if not first.weight.any() else "CHANGED")
""",
        r"raises.*as before",
        r"raises.*CHANGED",
        "ours: as above",
    ),
    Case(
        "random states that cannot be restored",
        """
accelerator = Accelerator(cpu=True)
model = accelerator.prepare(nn.Linear(8, 8))
accelerator.save_state("checkpoint")
path = "checkpoint/random_states_0.pkl"
torch.save({"step": 0}, path)
accelerator.load_state("checkpoint")
observed("loaded without an error")
""",
        r"raises",
        r"loaded without an error",
        "ours: going on with other random numbers is not what was asked for",
    ),
    Case(
        "save_model where a file is",
        """
accelerator = Accelerator(cpu=True)
model = accelerator.prepare(nn.Linear(8, 8))
open("output", "w").close()
accelerator.save_model(model, "output")
observed("no error, and nothing saved")
""",
        r"raises",
        r"no error, and nothing saved",
        "ours: the program believes it has a model",
    ),
    Case(
        "gather of unequal shapes",
        """
accelerator = Accelerator(cpu=True)
got = accelerator.gather(torch.full((accelerator.process_index + 1, 2), float(accelerator.process_index)))
observed("got", got.tolist())
""",
        r"raises .*(?:shape|size|pad_across)",
        r".",
        "ours: shapes are compared first, and the message says pad_across_processes",
        world=2,
    ),
    Case(
        "reduce with scale",
        """
accelerator = Accelerator(cpu=True)
observed("reduce(3, scale=0.5) is", accelerator.reduce(torch.tensor([3.0]), "sum", scale=0.5).tolist())
""",
        r"is \[1\.5\]",
        r"is \[3\.0\]",
        "ours: an argument that is taken is obeyed",
    ),
    Case(
        "automatic names after resuming",
        """
configuration = lambda: ProjectConfiguration(project_dir=".", automatic_checkpoint_naming=True)
accelerator = Accelerator(cpu=True, project_config=configuration())
model = accelerator.prepare(nn.Linear(4, 4))
accelerator.save_state(); accelerator.save_state()
again = Accelerator(cpu=True, project_config=configuration())
model = again.prepare(nn.Linear(4, 4))
again.load_state("checkpoints/checkpoint_1")
again.save_state()
observed("checkpoints:", ", ".join(sorted(os.listdir("checkpoints"))))
""",
        r"raises ValueError",
        r"raises ValueError",
        "the same: nothing is overwritten, and the message says what to set",
    ),
    Case(
        "stopped in the middle of an epoch, gone on with (dropout)",
        """
def build():
    accelerator = Accelerator(cpu=True)
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
    return accelerator, *accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=1e-3), DataLoader(rows(), batch_size=2))
def train(accelerator, model, optimizer, loader, stop=0):
    losses = []
    for (batch,) in loader:
        loss = model(batch).mean()
        accelerator.backward(loss); optimizer.step(); optimizer.zero_grad()
        losses.append(loss.item())
        if len(losses) == stop:
            accelerator.save_state("checkpoint")
            break
    return losses
set_seed(5); whole = train(*build())
set_seed(5); train(*build(), stop=2)
set_seed(6); accelerator, model, optimizer, loader = build()
accelerator.load_state("checkpoint")
rest = train(accelerator, model, optimizer, accelerator.skip_first_batches(loader, 2))
observed("the same losses as without the stop" if rest == whole[2:] else f"other losses: {rest[0]:.4f}, without the stop {whole[2]:.4f}")
""",
        r"the same losses",
        r"other losses",
        "ours: the iterator made for going on draws a seed from the generator just restored; ours restores it after skipping",
    ),
    Case(
        "stopped in the middle of an accumulation",
        """
def build():
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=4)
    model = nn.Linear(4, 1, bias=False)
    nn.init.ones_(model.weight)
    return accelerator, *accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=1e-3), DataLoader(rows(), batch_size=2))
def train(accelerator, model, optimizer, loader, stop=0):
    for number, (batch,) in enumerate(loader, 1):
        with accelerator.accumulate(model):
            accelerator.backward(model(batch).mean()); optimizer.step(); optimizer.zero_grad()
        if number == stop:
            accelerator.save_state("checkpoint")
            break
    return model.weight.detach().clone()
whole = train(*build())
train(*build(), stop=2)
accelerator, model, optimizer, loader = build()
accelerator.load_state("checkpoint")
rest = train(accelerator, model, optimizer, accelerator.skip_first_batches(loader, 2))
observed("the same weights" if torch.equal(rest, whole) else f"the step is {((rest - 1) / (whole - 1))[0, -1].item():.2g} of the whole one")
""",
        r"of the whole one; warns: .*gradients",
        r"of the whole one",
        "neither goes on as if nothing had been: gradients that wait for their step are in no checkpoint. Ours says so when it saves",
    ),
    Case(
        "an iterable dataset with text, dispatched",
        """
class Texts(torch.utils.data.IterableDataset):
    def __iter__(self): return iter([{"text": f"row {i}", "number": torch.tensor(i)} for i in range(4)])
accelerator = Accelerator(cpu=True)
loader = accelerator.prepare(DataLoader(Texts(), batch_size=1))
observed("got", [batch["text"] for batch in loader])
""",
        r"rank 0: got \[\['row 0'\], \['row 2'\]\] · rank 1: got \[\['row 1'\], \['row 3'\]\]",
        r"raises TypeError",
        "ours: lists are cut like tensors",
        world=2,
    ),
    Case(
        "one row for four processes, dispatched",
        """
class Few(torch.utils.data.IterableDataset):
    def __iter__(self): return iter([torch.tensor(7.0)])
accelerator = Accelerator(cpu=True)
loader = accelerator.prepare(DataLoader(Few(), batch_size=4))
observed("got", [batch.tolist() for batch in loader])
""",
        r"every rank: got \[\[7\.0\]\]",
        r"rank 2: got \[\[\]\]",
        "ours: the round is completed from its beginning",
        world=4,
    ),
    Case(
        "a dataset without rows",
        """
accelerator = Accelerator(cpu=True)
loader = accelerator.prepare(DataLoader([], batch_size=2))
for batch in loader: pass
observed("an epoch of no batches")
""",
        r"raises ValueError",
        r"an epoch of no batches",
        "ours: training on nothing is a mistake in the data's path, not a training",
    ),
    Case(
        "ranks with datasets of unequal length",
        """
accelerator = Accelerator(cpu=True)
model = nn.Linear(4, 1)
model, optimizer, loader = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1), DataLoader(rows(8 + 8 * accelerator.process_index), batch_size=4))
for (batch,) in loader:
    accelerator.backward(model(batch / 100).mean()); optimizer.step(); optimizer.zero_grad()
observed("done")
""",
        r"raises ValueError.*unequal",
        r"raises RuntimeError|hangs",
        "ours: lengths are compared before the first batch",
        world=2,
    ),
    Case(
        "uneven inputs and an optimizer with a state",
        """
accelerator = Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(even_batches=False))
model = nn.Linear(4, 1)
model, optimizer, loader = accelerator.prepare(model, torch.optim.AdamW(model.parameters()), DataLoader(rows(12), batch_size=4))
with accelerator.join_uneven_inputs([model]):
    for (batch,) in loader:
        accelerator.backward(model(batch / 100).mean()); optimizer.step(); optimizer.zero_grad()
observed(f"AdamW has seen {next(iter(optimizer.state_dict()['state'].values()))['step'].item():g} steps")
""",
        r"rank 0: AdamW has seen 2 steps.*rank 1: AdamW has seen (?:2|1) steps",
        r"rank 0: .*raises RuntimeError",
        "neither: Join keeps weights equal, but a rank that ran out has not stepped. Shard evenly, or use an optimizer without a state",
        world=2,
    ),
    Case(
        "a sampler without a length",
        """
class Endless(torch.utils.data.Sampler):
    def __iter__(self): return iter(range(5))
accelerator = Accelerator(cpu=True)
loader = accelerator.prepare(DataLoader(rows(), batch_size=2, sampler=Endless()))
observed([(len(batch), accelerator.gradient_state.end_of_dataloader) for (batch,) in loader])
""",
        r"\[\(2, False\), \(2, False\), \(1, True\)\]",
        r"\[\(2, False\), \(2, False\), \(1, True\)\]",
        "the same: the last batch is known as such in both",
    ),
    Case(
        "batches of a custom batch sampler, two processes",
        """
class Buckets:
    def __iter__(self): return iter([[0, 1], [2], [3, 4, 5]])
    def __len__(self): return 3
accelerator = Accelerator(cpu=True)
loader = accelerator.prepare(DataLoader(list(range(8)), batch_sampler=Buckets()))
observed([batch.tolist() for batch in loader])
""",
        r"rank 0: \[\[0, 1\], \[3, 4, 5\]\] · rank 1: \[\[2\], \[0, 1\]\]",
        r"rank 0: \[\[0, 1\], \[3, 4, 5\]\] · rank 1: \[\[2\], \[0, 1\]\]",
        "the same: batches of any size are dealt out whole, and repeated from the first",
        world=2,
    ),
    Case(
        "IterableDataset with batch_size=None",
        """
class Ready(torch.utils.data.IterableDataset):
    def __iter__(self): return iter([torch.ones(2, 4) * i for i in range(3)])
accelerator = Accelerator(cpu=True)
loader = accelerator.prepare(DataLoader(Ready(), batch_size=None))
observed([batch.mean().item() for batch in loader])
""",
        r"\[0\.0, 1\.0, 2\.0\]",
        r"\[0\.0, 1\.0, 2\.0\]",
        "the same for one process",
    ),
    Case(
        "tied weights in torch's own format",
        """
class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
        self.other.weight = self.one.weight
accelerator = Accelerator(cpu=True)
accelerator.save_model(accelerator.prepare(Tied()), "output", safe_serialization=False)
observed("saved names:", ", ".join(sorted(torch.load("output/pytorch_model.bin"))))
""",
        r"saved names: one\.weight",
        r"saved names: one\.weight, other\.weight",
        "Accelerate: torch's format can hold a tensor under two names, and a plain load_state_dict wants both",
    ),
    Case(
        "variables of the environment",
        """
os.environ.update(ACCELERATE_MIXED_PRECISION="bf16", ACCELERATE_GRADIENT_ACCUMULATION_STEPS="4", ACCELERATE_TORCH_DEVICE="meta")
accelerator = Accelerator()
observed(f"{accelerator.mixed_precision}, {accelerator.gradient_accumulation_steps} steps, on {accelerator.device.type}")
""",
        r"^no, 1 steps, on cpu$",
        r"^bf16, 4 steps, on meta$",
        "ours: what trains is in the program and in the configuration file, not in what some parent process has exported",
    ),
    Case(
        "views of a state that was reset",
        """
from accelerate import PartialState
state = PartialState()
PartialState._reset_state()
observed(f"{state.num_processes} process")
""",
        r"^1 process$",
        r"raises AttributeError",
        "ours: a view asks again. Accelerate's are one dictionary that is emptied under them",
    ),
    Case(
        "hooks of save_state, and where they write",
        """
accelerator = Accelerator(cpu=True)
model = accelerator.prepare(nn.Linear(2, 2))
def hook(models, weights, folder):
    with open(os.path.join(folder, "mine.txt"), "w") as file: file.write("x")
handle = accelerator.register_save_state_pre_hook(hook)
accelerator.save_state("one")
handle.remove()
accelerator.save_state("two")
observed("in the first:", os.path.exists("one/mine.txt"), "in the second:", os.path.exists("two/mine.txt"))
""",
        r"in the first: True in the second: False",
        r"in the first: True in the second: False",
        "the same; ours hands the hook the folder that becomes the checkpoint when it is complete",
    ),
)
