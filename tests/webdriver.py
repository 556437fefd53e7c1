"""A real browser for tests: headless Chromium, driven over the W3C WebDriver protocol."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars",
)  # fmt: skip
#: The smallest contrast (WCAG 2) of any text with what is behind it.
CONTRAST = """
const channel = c => { c /= 255; return c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4 };
const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
const colour = text => text.match(/[\\d.]+/g).map(Number);
const behind = node => { for (; node; node = node.parentElement) {
  const found = colour(getComputedStyle(node).backgroundColor);
  if (found.length < 4 || found[3] > 0) return found; } return [255, 255, 255] };
let worst = [99, ""];
for (const node of document.querySelectorAll("body *")) {
  const own = [...node.childNodes].some(c => c.nodeType === 3 && c.data.trim());
  if (!own || ["SCRIPT", "STYLE", "title"].includes(node.tagName)) continue;
  const style = getComputedStyle(node), svg = node.namespaceURI.endsWith("svg");
  const one = light(colour(svg ? style.fill : style.color)), two = light(behind(node));
  const ratio = (Math.max(one, two) + .05) / (Math.min(one, two) + .05);
  if (ratio < worst[0]) worst = [ratio, node.tagName + " " + node.textContent.slice(0, 40)];
}
return worst"""
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # how the protocol names an element


def missing() -> str:
    """Why there is no browser here, empty if there is one."""
    return "" if shutil.which("chromedriver") and _browser() else "there is no chromium and driver"


def _browser() -> str | None:
    return shutil.which("chromium") or shutil.which("google-chrome")


class Browser:
    """One session with a profile of its own; ``close`` ends it and its driver."""

    def __init__(self) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="profile-", ignore_cleanup_errors=True)
        self._driver = subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        self._session = ""
        try:
            self._port = self._listening()
            options = {
                "binary": _browser(),
                "args": [*FLAGS, f"--user-data-dir={self._profile.name}"],
            }
            capabilities = {
                "browserName": "chrome",
                "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL"},
            }
            made = self._call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
            self._session = f"/session/{made['sessionId']}"
        except BaseException:
            self.close()
            raise

    def _listening(self) -> int:
        assert self._driver.stdout is not None
        for said in self._driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", said):
                return int(found.group(1))
        raise AssertionError("chromedriver did not start")

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(answer, dict) and "error" in answer:
            raise AssertionError(f"{answer['error']}: {answer['message'].splitlines()[0]}")
        return answer

    def open(self, file: Path, fragment: str = "") -> None:
        """Load a page afresh, whatever is shown now."""
        self._call("POST", f"{self._session}/url", {"url": "about:blank"})
        self._call("POST", f"{self._session}/url", {"url": f"{file.as_uri()}{fragment}"})

    def run(self, script: str, *arguments: Any) -> Any:
        """The value that a function's body returns."""
        body = {"script": script, "args": list(arguments)}
        return self._call("POST", f"{self._session}/execute/sync", body)

    def _element(self, selector: str) -> str:
        body = {"using": "css selector", "value": selector}
        found: str = self._call("POST", f"{self._session}/element", body)[ELEMENT]
        return found

    def click(self, selector: str) -> None:
        """As a mouse does."""
        self._call("POST", f"{self._session}/element/{self._element(selector)}/click", {})

    def type(self, selector: str, keys: str) -> None:
        """As a keyboard does, in what has the focus."""
        body = {"text": keys}
        self._call("POST", f"{self._session}/element/{self._element(selector)}/value", body)

    def command(self, name: str, **parameters: Any) -> Any:
        """One of the DevTools protocol."""
        body = {"cmd": name, "params": parameters}
        return self._call("POST", f"{self._session}/goog/cdp/execute", body)

    def look(self, *, width: int, scheme: str = "light") -> None:
        """Be a screen of this width, in this colour scheme."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=800, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.command("Emulation.setEmulatedMedia", features=features)

    def complaints(self) -> Sequence[str]:
        """What it wrote to its console since the last time: errors, violations of a policy."""
        entries = self._call("POST", f"{self._session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if "favicon" not in entry["message"]]

    def dialogs(self) -> bool:
        """Whether a script has opened one."""
        try:
            self._call("GET", f"{self._session}/alert/text")
        except AssertionError:
            return False
        return True

    def close(self) -> None:
        """End the browser, then its driver."""
        if self._session:
            self._call("DELETE", self._session)
            self._session = ""
        self._driver.terminate()
        self._driver.wait(20)
        if self._driver.stdout is not None:
            self._driver.stdout.close()
        self._profile.cleanup()
