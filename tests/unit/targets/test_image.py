"""Containers of images are gone afterwards."""

import pytest

from envcheck.targets import engine as engines
from envcheck.targets import image

errors = pytest.importorskip("docker.errors")


class Engine:
    """One that makes a container late: asked to remove it before, it knows of none."""

    def __init__(self, late):
        self.late = late
        self.removed = []
        self.api = self

    def remove_container(self, name, **how):
        if self.late:
            self.late -= 1
            raise errors.NotFound("no such container")
        self.removed.append((name, how))


def test_a_container_that_comes_late_is_removed():
    engine = Engine(late=2)
    engines.remove(engine, "envcheck-1", image._PATIENCE)
    assert engine.removed == [("envcheck-1", {"force": True, "v": True})]


def test_one_that_is_not_there_is_not_waited_for():
    engine = Engine(late=1)
    engines.remove(engine, "envcheck-1", 0.0)
    assert engine.removed == []
    assert engine.late == 0


@pytest.mark.parametrize("ended", [KeyboardInterrupt, SystemExit])
def test_interrupted_while_the_engine_makes_it(monkeypatch, ended):
    running = object.__new__(image.Running)
    running.client = Engine(late=1)

    def create(*_):
        raise ended

    monkeypatch.setattr(running, "_create", create)
    with pytest.raises(ended), running._container(["true"], []):
        pass
    assert len(running.client.removed) == 1
