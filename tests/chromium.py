"""Pages in a real browser: what one shows, asks for and complains of, over Chromium's debugging pipe."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--window-size=1400,1000"),
    "--remote-debugging-pipe",
)
# Chromium reads commands from descriptor 3 and writes answers to 4
_START = (
    "import os, sys; os.dup2(int(sys.argv[1]), 13); os.dup2(int(sys.argv[2]), 14);"
    "os.dup2(13, 3); os.dup2(14, 4); os.execvp(sys.argv[3], sys.argv[3:])"
)
_LONGEST = 300.0
"""Seconds that an answer may take."""


@dataclass
class Page:
    """A page that is open.

    Attributes
    ----------
    requests : list of str
        Addresses that it asked for, its own among them.
    complaints : list of str
        Errors and warnings of scripts, of the console and of the policy of the page, and dialogs.
    seen : set of str
        Events since the page was opened.
    """

    commands: int
    answers: int
    session: str = ""
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    _number: int = 0
    _left: bytes = b""

    def call(self, method: str, **values: Any) -> dict[str, Any]:
        """Send a command of the DevTools protocol and wait for its answer."""
        self._number += 1
        own = {"sessionId": self.session} if self.session else {}
        message = {"id": self._number, "method": method, "params": values, **own}
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self._take(answer)

    def go(self, address: str) -> None:
        """Open an address, afresh, and wait until it has loaded."""
        self.seen.clear()
        self.call("Page.navigate", url=address)
        while "Page.loadEventFired" not in self.seen:
            self._take(self._next())

    def run(self, script: str) -> Any:
        """Give the value of an expression in the page."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def hover(self, selector: str) -> None:
        """Move the pointer to the middle of an element."""
        script = (
            f"(e => (e.scrollIntoView({{block: 'center'}}), e.getBoundingClientRect().toJSON()))({selector})"
        )
        box = self.run(script)
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def _next(self) -> dict[str, Any]:
        end = monotonic() + _LONGEST
        while b"\0" not in self._left:
            ready, _, _ = select.select([self.answers], [], [], max(end - monotonic(), 0))
            assert ready, "the browser does not answer"
            part = os.read(self.answers, 1 << 20)
            assert part, "the browser has ended"
            self._left += part
        message, _, self._left = self._left.partition(b"\0")
        return json.loads(message)

    def _take(self, event: dict[str, Any]) -> None:
        values = event.get("params", {})
        self.seen.add(event.get("method", ""))
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(values["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(values["exceptionDetails"]))
            case "Log.entryAdded":
                self.complaints.append(values["entry"]["text"])
            case "Runtime.consoleAPICalled" if values["type"] in ("error", "warning", "assert"):
                self.complaints.append(str(values["args"]))
            case "Page.javascriptDialogOpening":
                self.complaints.append(f"dialog: {values['message']}")


@contextmanager
def opened(browser: str, address: str, folder: Path) -> Generator[Page]:
    """Open an address in a fresh browser, with its profile in a folder, until it has loaded."""
    command_out, command_in = os.pipe()
    answer_out, answer_in = os.pipe()
    command = [sys.executable, "-c", _START, str(command_out), str(answer_in), browser, *_OPTIONS]
    process = subprocess.Popen(
        [*command, f"--user-data-dir={folder}"], pass_fds=(command_out, answer_in), stderr=subprocess.DEVNULL
    )
    os.close(command_out)
    os.close(answer_in)
    try:
        page = Page(command_in, answer_out)
        target = page.call("Target.createTarget", url="about:blank")["targetId"]
        page.session = page.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.call(f"{domain}.enable")
        page.go(address)
        yield page
    finally:
        process.kill()
        process.wait()
        os.close(command_in)
        os.close(answer_out)
