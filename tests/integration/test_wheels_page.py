"""The page of `envcheck wheels` in a real browser: it fits, it can be read, and it asks nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import wheel_documents as documents
from webdriver import CONTRAST, Browser

from envcheck.report.wheels import View, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.browser

CASES = documents.cases() | {"many": documents.real("numpy", newest=80)}
OPENED = "document.querySelectorAll('details').forEach(each => each.open = true)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    started = Browser()
    yield started
    started.close()


@pytest.fixture
def page(tmp_path: Path) -> Callable[[str], Path]:
    def write(case: str) -> Path:
        file = tmp_path / f"{case}.html"
        file.write_text(load("html").render(CASES[case], View()), encoding="utf-8")
        return file

    return write


@pytest.mark.parametrize("case", CASES)
def test_it_asks_nobody_and_nothing_in_it_runs(browser, page, case):
    browser.open(page(case))
    assert browser.complaints() == []
    assert not browser.dialogs()
    assert browser.run("return performance.getEntriesByType('resource').length") == 0
    assert browser.run("return document.querySelectorAll('script, img, link').length") == 0


@pytest.mark.parametrize("width", [1920, 1280, 768, 400, 320])
@pytest.mark.parametrize("case", ["real", "everything", "hostile"])
def test_it_fits_the_screen(browser, page, case, width):
    browser.look(width=width)
    browser.open(page(case))
    browser.run(OPENED)
    wide = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1] == width
    outside = browser.run(
        """return [...document.querySelectorAll("svg rect, svg text")].filter(shape => {
          const [a, b] = [shape, shape.ownerSVGElement].map(n => n.getBoundingClientRect());
          return b.width && (a.left < b.left - 1 || a.right > b.right + 1
            || a.bottom > b.bottom + 1);
        }).map(shape => shape.outerHTML)"""
    )
    assert outside == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("case", ["real", "everything", "hostile"])
def test_every_text_can_be_read(browser, page, case, scheme):
    browser.look(width=1280, scheme=scheme)
    browser.open(page(case))
    browser.run(OPENED)
    ratio, where = browser.run(CONTRAST)
    assert ratio >= 4.5, (ratio, where)
    back = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(255, 255, 255)") is (scheme == "light")


def test_headers_stay_in_sight(browser, page):
    browser.look(width=400)
    browser.open(page("many"))
    told = """const box = document.querySelector(".scroll"), edge = box.getBoundingClientRect();
      box.scrollTo(300, 900);
      const row = box.querySelector("tbody tr:nth-child(40) th").getBoundingClientRect();
      const head = box.querySelector("thead").getBoundingClientRect();
      return [box.scrollTop > 0, Math.abs(head.top - edge.top) < 3,
        Math.abs(row.left - edge.left) < 3]"""
    assert browser.run(told) == [True, True, True]


def test_ways_are_told_apart_without_colours(browser, page):
    browser.look(width=1280)
    browser.open(page("everything"))
    heights = browser.run(
        """return ["own", "abi3", "generic"].map(way =>
          document.querySelector(`.timeline rect.${way}`).getBoundingClientRect().height)"""
    )
    assert heights == sorted(set(heights), reverse=True)
    keys = browser.run("return [...document.querySelectorAll('.key')].map(k => k.offsetHeight)")
    assert keys == heights


def test_a_reader_of_screens_finds_its_way(browser, page):
    browser.open(page("everything"))
    tree = browser.command("Accessibility.getFullAXTree")["nodes"]
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node["ignored"]
    ]
    assert ("table", "Releases of one by target") in named
    heads = [name for role, name in named if role == "columnheader"]
    assert heads[:4] == ["release", "uploaded", "alpine (musl 1.2.5)", "slim (glibc 2.41)"]
    assert [name for role, name in named if role == "rowheader"][:3] == ["2.0", "1.4", "1.3 yanked"]
    cells = [name for role, name in named if role in ("cell", "gridcell")]
    assert "no file for this target" in cells
    assert "W" not in cells
    assert all(name for role, name in named if role in ("link", "region", "navigation"))
    levels = browser.run("return [...document.querySelectorAll('h1,h2,h3')].map(h => h.tagName[1])")
    assert levels[0] == "1"
    assert levels.count("1") == 1
