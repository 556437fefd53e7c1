"""The page of a matrix in a real browser: it sorts, it fits, it can be read, and it asks nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import runs
from webdriver import CONTRAST, Browser

from envcheck.matrix import freshness, reference
from envcheck.report.matrix import View, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.browser

ORDER = """return [...document.querySelectorAll("#cells tbody tr")].map(row =>
  row.cells[0].textContent + " " + row.cells[1].textContent.split(" ")[0])"""
SORTED = """return [...document.querySelectorAll("#cells th[aria-sort]")].map(head =>
  head.dataset.key + " " + head.getAttribute("aria-sort"))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    started = Browser()
    yield started
    started.close()


@pytest.fixture
def page(tmp_path: Path) -> Callable[[str], Path]:
    """The page of a literal run, with everything that a page can have."""

    def write(case: str) -> Path:
        run = runs.cases()[case]
        fresh = freshness.assess(run, "2027-01-20T00:00:00Z")
        answers = reference.answers(reference.load("accelerate-page"), run)
        file = tmp_path / f"{case}.html"
        text = load("html").render(run, View(freshness=fresh, answers=answers))
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_a_click_on_a_header_sorts_what_is_unknown_last(browser, page, tmp_path):
    results = [
        runs.passed(f"3.{minor}-slim", imports=[runs.imported("a", 9.0, seconds)])
        for minor, seconds in ((9, 2.0), (10, 10.5), (11, 0.3))
    ]
    run = runs.run(*results, runs.failed("3.12-slim", "crash", "import"))
    file = tmp_path / "page.html"
    file.write_text(load("html").render(run, View()), encoding="utf-8")
    browser.open(file)
    assert browser.run(ORDER) == ["3.9 slim", "3.10 slim", "3.11 slim", "3.12 slim"]
    head = "#cells th[data-key=import] button"
    browser.click(head)
    assert browser.run(ORDER) == ["3.11 slim", "3.9 slim", "3.10 slim", "3.12 slim"]
    assert browser.run(SORTED) == ["import ascending"]
    browser.click(head)
    assert browser.run(ORDER) == ["3.10 slim", "3.9 slim", "3.11 slim", "3.12 slim"]
    assert browser.run(SORTED) == ["import descending"]
    assert browser.run("return location.hash") == "#sort=-import"
    browser.click("#cells th[data-key=python] button")
    assert browser.run(ORDER)[0] == "3.9 slim"
    assert browser.run(SORTED) == ["python ascending"]


def test_the_keyboard_sorts_too(browser, page):
    browser.open(page("seed"))
    browser.type("#cells th[data-key=status] button", "\ue007")
    assert browser.run(SORTED) == ["status ascending"]
    browser.type("#cells th[data-key=status] button", " ")
    assert browser.run(SORTED) == ["status descending"]


def test_the_address_says_how_it_is_sorted(browser, page):
    browser.open(page("seed"), "#sort=-python")
    assert browser.run(ORDER)[0].startswith("3.13")
    assert browser.run(SORTED) == ["python descending"]
    browser.run("location.hash = '#sort=python'; dispatchEvent(new Event('hashchange'))")
    assert browser.run(ORDER)[0].startswith("3.9")


@pytest.mark.parametrize("address", ["#sort=", "#sort=nothing", "#sort=%22%5D", "#note1"])
def test_an_address_that_means_nothing_does_no_harm(browser, page, address):
    browser.open(page("seed"), address)
    assert browser.run(SORTED) == []
    assert browser.complaints() == []


@pytest.mark.parametrize("case", runs.cases())
def test_it_asks_nobody_and_nothing_in_it_runs(browser, page, case):
    browser.open(page(case))
    assert browser.complaints() == []
    assert not browser.dialogs()
    assert browser.run("return performance.getEntriesByType('resource').length") == 0
    assert browser.run("return document.querySelectorAll('script').length") == 1
    assert browser.run("return document.querySelectorAll('img, iframe, link').length") == 0


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("case", ["seed", "hostile", "causes", "variants"])
def test_it_fits_the_screen(browser, page, case, width):
    browser.look(width=width)
    browser.open(page(case))
    browser.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    wide = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1] == width
    outside = browser.run(
        """return [...document.querySelectorAll("svg rect, svg text")].filter(shape => {
          const [a, b] = [shape, shape.ownerSVGElement].map(n => n.getBoundingClientRect());
          return a.left < b.left - 1 || a.right > b.right + 1 || a.bottom > b.bottom + 1;
        }).length"""
    )
    assert outside == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("case", ["seed", "causes", "hostile"])
def test_every_text_can_be_read(browser, page, case, scheme):
    browser.look(width=1280, scheme=scheme)
    browser.open(page(case))
    browser.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    ratio, where = browser.run(CONTRAST)
    assert ratio >= 4.5, (ratio, where)
    back = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(255, 255, 255)") is (scheme == "light")


def test_a_reader_of_screens_finds_its_way(browser, page):
    browser.open(page("seed"))
    tree = browser.command("Accessibility.getFullAXTree")["nodes"]
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node["ignored"]
    ]
    assert ("table", "Cells of the matrix") in named
    heads = [name for role, name in named if role == "columnheader"]
    assert heads[:4] == ["python", "os / libc", "status", "wheel"]
    assert all(name for role, name in named if role in ("button", "image", "link", "region"))
    assert len([role for role, _ in named if role == "rowheader"]) >= 10
    levels = browser.run("return [...document.querySelectorAll('h1,h2,h3')].map(h => h.tagName[1])")
    assert levels[0] == "1"
    assert levels.count("1") == 1


def test_numbers_lead_to_the_reasons_and_pythons_to_the_details(browser, page):
    browser.open(page("seed"))
    browser.click("#cells sup a")
    assert browser.run("return document.querySelector(':target').value") == 1
    browser.click("#cells tbody tr:nth-child(4) th a")
    assert browser.run("return document.querySelector(':target').textContent").startswith("3.10")
