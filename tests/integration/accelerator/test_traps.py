"""What is noticed where Accelerate is silent; and what looks like it and is right, which is not."""

from __future__ import annotations

import warnings

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402 -- what follows needs torch
from torch.optim import swa_utils  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402

from envcheck.accelerator import Accelerator  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("fresh")]

BACKWARD = r"loss\.backward\(\).*accelerator\.backward\(loss\)"
STEPPED = r"SGD.* not prepared"
INPUTS = torch.ones(3, 2)
#: How an Accelerator is made, and whether gradients of ``loss.backward()`` are wrong with it.
KINDS = {
    "plain": ({}, False),
    "accumulation": ({"gradient_accumulation_steps": 2}, True),
    "fp16": ({"mixed_precision": "fp16"}, True),
}


def pair(rate=0.1):
    model = nn.Linear(2, 1)
    return model, torch.optim.SGD(model.parameters(), lr=rate)


def emulated(**settings):
    """An Accelerator; that a CPU only emulates fp16 is another test's concern."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "mixed_precision")
        return Accelerator(cpu=True, **settings)


@pytest.fixture(params=KINDS)
def kind(request):
    """An Accelerator of each kind, and what is expected of it when numbers are made wrong."""
    settings, wrong = KINDS[request.param]

    def expect(text):
        return pytest.raises(RuntimeError, match=text) if wrong else pytest.warns(match=text)

    return emulated(**settings), expect


def plain_backward(accelerator, model, optimizer):
    model(INPUTS).sum().backward()
    optimizer.step()


def mixed_backward(accelerator, model, optimizer):
    accelerator.backward(model(INPUTS).sum())
    model(INPUTS).sum().backward()
    optimizer.step()


def other_order(accelerator, model, optimizer):
    model(INPUTS).sum().backward()
    accelerator.backward(model(INPUTS).sum())
    optimizer.step()


def later(accelerator, model, optimizer):
    for _ in range(3):
        accelerator.backward(model(INPUTS).sum())
        optimizer.step()
        optimizer.zero_grad()
    plain_backward(accelerator, model, optimizer)


@pytest.mark.parametrize("loop", [plain_backward, mixed_backward, other_order, later])
def test_loss_backward(kind, loop):
    accelerator, expect = kind
    prepared = accelerator.prepare(*pair())
    with expect(BACKWARD):
        loop(accelerator, *prepared)


def test_loss_backward_under_accumulate():
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    model, optimizer = accelerator.prepare(*pair())
    with accelerator.accumulate(model):
        model(INPUTS).sum().backward()
        optimizer.step()  # not yet
    with accelerator.accumulate(model):
        model(INPUTS).sum().backward()
        with pytest.raises(RuntimeError, match=BACKWARD):
            optimizer.step()


def test_it_is_said_once():
    accelerator = Accelerator(cpu=True)
    prepared = accelerator.prepare(*pair())
    with pytest.warns(match=BACKWARD) as said:
        plain_backward(accelerator, *prepared)
    assert len(said) == 1
    assert said[0].filename == __file__
    plain_backward(accelerator, *prepared)


@pytest.mark.parametrize("prepared", [True, False])
def test_an_optimizer_that_is_not_the_prepared_one(kind, prepared):
    accelerator, expect = kind
    model, optimizer = pair()
    model = accelerator.prepare(model)
    if prepared:
        accelerator.prepare(optimizer)
    accelerator.backward(model(INPUTS).sum())
    with expect(STEPPED):
        optimizer.step()


# What is right ----------------------------------------------------------------------------------


def by_hand(accelerator):
    model, optimizer = accelerator.prepare(*pair())
    accelerator.backward(model(INPUTS).sum())
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()


def autograd_grad(accelerator):
    model, optimizer = accelerator.prepare(*pair())
    inputs = INPUTS.clone().requires_grad_()
    assert torch.autograd.grad(model(inputs).sum(), inputs)[0].shape == inputs.shape
    model(inputs).sum().backward(inputs=[inputs])
    accelerator.backward(model(INPUTS).sum())
    optimizer.step()


def second_model(accelerator):
    prepared, optimizer = accelerator.prepare(*pair())
    model, own = pair()
    model(INPUTS).sum().backward()
    own.step()
    accelerator.backward(prepared(INPUTS).sum())
    optimizer.step()


def gan(accelerator):
    generator, critic = nn.Linear(2, 2), nn.Linear(2, 1)
    optimizers = [torch.optim.Adam(model.parameters()) for model in (generator, critic)]
    generator, critic, first, second = accelerator.prepare(generator, critic, *optimizers)
    for _ in range(2):
        accelerator.backward(critic(generator(INPUTS).detach()).mean())
        second.step()
        second.zero_grad()
        accelerator.backward(-critic(generator(INPUTS)).mean())
        first.step()
        first.zero_grad()


def recomputed(accelerator):
    model, optimizer = accelerator.prepare(*pair())
    for reentrant in (True, False):
        inputs = INPUTS.clone().requires_grad_()
        accelerator.backward(checkpoint(model, inputs, use_reentrant=reentrant).sum())
        optimizer.step()
        optimizer.zero_grad()


def hooks(accelerator):
    model, optimizer = pair()
    for parameter in model.parameters():
        parameter.register_hook(lambda gradient: gradient)
        parameter.register_post_accumulate_grad_hook(lambda _: None)
    model, optimizer = accelerator.prepare(model, optimizer)
    accelerator.backward(model(INPUTS).sum())
    optimizer.step()


def averaged(accelerator):
    model, inner = pair()
    model, optimizer = accelerator.prepare(model, inner)
    average = swa_utils.AveragedModel(model)
    scheduler = accelerator.prepare(swa_utils.SWALR(inner, swa_lr=0.01))
    for _ in range(3):
        accelerator.backward(model(INPUTS).sum())
        optimizer.step()
        optimizer.zero_grad()
        average.update_parameters(model)
        scheduler.step()
    swa_utils.update_bn([INPUTS], average)


def one_for_each_layer(accelerator):
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    optimizers = [torch.optim.SGD(layer.parameters(), lr=0.1) for layer in model]
    model, *optimizers = accelerator.prepare(model, *optimizers)
    for _ in range(2):
        accelerator.backward(model(INPUTS).sum())
        for optimizer in optimizers:
            optimizer.step()
        for optimizer in optimizers:
            optimizer.zero_grad()


def of_another_accelerator(accelerator):
    other = emulated(mixed_precision=accelerator.mixed_precision)
    model, optimizer = pair()
    model, optimizer = accelerator.prepare(model), other.prepare(optimizer)
    other.backward(model(INPUTS).sum())
    optimizer.step()


def two_losses(accelerator):
    model, optimizer = accelerator.prepare(*pair())
    loss = model(INPUTS).sum()
    accelerator.backward(loss, retain_graph=True)
    accelerator.backward(loss)
    optimizer.step()


def compiled(accelerator):
    model, optimizer = pair()
    model, optimizer = accelerator.prepare(torch.compile(model, backend="eager"), optimizer)
    accelerator.backward(model(INPUTS).sum())
    optimizer.step()


def released(accelerator):
    model, optimizer = pair()
    accelerator.prepare(model, optimizer)
    accelerator.free_memory()
    model(INPUTS.to(next(model.parameters()))).sum().backward()
    optimizer.step()


RIGHT = [
    *(by_hand, autograd_grad, second_model, gan, recomputed, hooks, averaged, one_for_each_layer),
    *(of_another_accelerator, two_losses, compiled, released),
]


@pytest.mark.parametrize("loop", RIGHT, ids=lambda loop: loop.__name__)
def test_what_is_right_is_not_pointed_out(kind, loop):
    accelerator, _ = kind
    loop(accelerator)


@pytest.mark.parametrize("name", ["plain", "accumulation"])
def test_a_closure(name):
    accelerator = Accelerator(cpu=True, **KINDS[name][0])
    model = nn.Linear(2, 1)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=5)
    model, optimizer = accelerator.prepare(model, optimizer)
    before = model(INPUTS).square().sum().item()

    def closure():
        optimizer.zero_grad()
        loss = model(INPUTS).square().sum()
        accelerator.backward(loss)
        return loss

    for _ in range(3):
        optimizer.step(closure)
    assert model(INPUTS).square().sum().item() < before / 10


def test_a_trap_goes_with_its_accelerator():
    """Else an Accelerator that is gone would warn of what later ones do."""
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    model, optimizer = pair()
    accelerator.prepare(model)
    del accelerator
    model(INPUTS).sum().backward()
    optimizer.step()
