"""Chromium, started the normal way and driven over the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import websocket

_ANSWER_TIMEOUT_S = 20.0
_START_TIMEOUT_S = 30.0
Json = dict[str, Any]


class DevToolsError(Exception):
    """Chromium refused a command or did not answer in time."""


class Browser:
    """A Chromium with a fresh profile in *home*. No flag but those in *flags* makes it quieter than a visitor's."""

    def __init__(self, home: Path, *flags: str) -> None:
        profile = home / "profile"
        profile.mkdir(parents=True)
        command = [
            shutil.which("chromium") or "chromium",
            "--headless=new",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "--no-first-run",
            "--enable-remote-extensions",  # else Debian's launcher switches background networking off
            "--window-size=1000,800",
            *flags,
            "about:blank",
        ]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # Chromium's sandbox does not start as root; the network is the same
        self._log = (home / "chromium.log").open("wb")
        environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self._process = subprocess.Popen(
            command, env={**environment, "HOME": str(home)}, stdout=self._log, stderr=self._log
        )
        self._next_id = 0
        self._answers: dict[int, Json] = {}
        self.events: list[Json] = []
        self._scripts_off: set[str] = set()
        self._socket = websocket.create_connection(
            self._address(profile / "DevToolsActivePort"), suppress_origin=True, timeout=_ANSWER_TIMEOUT_S
        )
        self.version = str(self.send("Browser.getVersion")["product"])

    def _address(self, port_file: Path) -> str:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            if port_file.exists() and len(lines := port_file.read_text().split()) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            if self._process.poll() is not None:
                break
            time.sleep(0.1)
        tail = Path(self._log.name).read_text(errors="replace")[-600:]
        raise DevToolsError(f"Chromium did not start. It said: {tail}")

    def close(self) -> None:
        self._socket.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._log.close()

    def send(self, method: str, session: str = "", **params: Any) -> Json:
        """The result of a command. Raises DevToolsError when Chromium refuses it or stays silent."""
        wanted = self._post(method, session, params)
        deadline = time.monotonic() + _ANSWER_TIMEOUT_S
        while wanted not in self._answers:
            if time.monotonic() > deadline:
                raise DevToolsError(f"{method} got no answer in {_ANSWER_TIMEOUT_S:g} s")
            self._receive(deadline)
        answer = self._answers.pop(wanted)
        if "error" in answer:
            raise DevToolsError(f"{method}: {answer['error'].get('message')}")
        result: Json = answer["result"]
        return result

    def wait(self, seconds: float) -> None:
        """Lets *seconds* pass while events are read."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._receive(deadline)

    def open_tab(self, *, scripts: bool = True) -> "Tab":
        return Tab(self, scripts=scripts)

    def _post(self, method: str, session: str, params: Json) -> int:
        self._next_id += 1
        message: Json = {"id": self._next_id, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        self._socket.send(json.dumps(message))
        return self._next_id

    def _receive(self, deadline: float) -> None:
        self._socket.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            message: Json = json.loads(self._socket.recv())
        except websocket.WebSocketTimeoutException:
            return
        if "id" in message:
            self._answers[message["id"]] = message
            return
        self.events.append(message)
        if message["method"] == "Target.attachedToTarget":
            self._welcome(message["params"]["sessionId"], message.get("sessionId", ""))

    def _welcome(self, session: str, parent: str) -> None:
        """Sets up a frame in a process of its own before it may run anything."""
        if parent in self._scripts_off:
            self.forbid_scripts(session)
        self.attach_frames(session)
        self._post("Runtime.runIfWaitingForDebugger", session, {})

    def attach_frames(self, session: str) -> None:
        self._post(
            "Target.setAutoAttach",
            session,
            {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True},
        )

    def forbid_scripts(self, session: str) -> None:
        self._scripts_off.add(session)
        self._post("Emulation.setScriptExecutionDisabled", session, {"value": True})


class Tab:
    """One tab and all its frames, those in other processes included."""

    def __init__(self, browser: Browser, *, scripts: bool) -> None:
        self.browser = browser
        self.scripts = scripts
        self._target = str(browser.send("Target.createTarget", url="about:blank")["targetId"])
        attached = browser.send("Target.attachToTarget", targetId=self._target, flatten=True)
        self.session = str(attached["sessionId"])
        if not scripts:
            browser.forbid_scripts(self.session)
        browser.attach_frames(self.session)
        browser.send("Page.enable", self.session)

    def send(self, method: str, **params: Any) -> Json:
        return self.browser.send(method, self.session, **params)

    def close(self) -> None:
        self.browser.send("Target.closeTarget", targetId=self._target)

    def loads(self) -> int:
        """How many pages have finished loading in this tab, their frames included."""
        return sum(
            event["method"] == "Page.loadEventFired" and event.get("sessionId") == self.session
            for event in self.browser.events
        )

    def sessions(self) -> list[str]:
        """This tab's session and those of its frames in other processes, outermost first."""
        found = [self.session]
        gone: set[str] = set()
        for event in self.browser.events:
            params = event.get("params", {})
            if event["method"] == "Target.attachedToTarget" and event.get("sessionId") in found:
                if params["targetInfo"]["type"] == "iframe":
                    found.append(params["sessionId"])
            elif event["method"] == "Target.detachedFromTarget":
                gone.add(params["sessionId"])
        return [session for session in found if session not in gone]

    def frames(self) -> list["Frame"]:
        found = []
        for session in self.sessions():
            try:
                tree = self.browser.send("Page.getFrameTree", session)["frameTree"]
            except DevToolsError:  # the frame went away in between
                continue
            found += [Frame(self.browser, session, frame["id"], frame["url"]) for frame in _flat(tree)]
        return found

    def key(self, name: str, code: int) -> None:
        text = {"text": "\r"} if name == "Enter" else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=name, code=name, windowsVirtualKeyCode=code, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=name, code=name, windowsVirtualKeyCode=code)

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x: float, y: float) -> None:
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, button="left", clickCount=1)
        self.mouse("mouseReleased", x, y, button="left", clickCount=1)


class Frame:
    """A document in a tab. Evaluation happens beside the page's own scripts, also where those are forbidden."""

    def __init__(self, browser: Browser, session: str, frame_id: str, url: str) -> None:
        self._browser = browser
        self._session = session
        self._id = frame_id
        self.url = url

    def evaluate(self, expression: str) -> Any:
        world = self._browser.send("Page.createIsolatedWorld", self._session, frameId=self._id, worldName="test")
        answer = self._browser.send(
            "Runtime.evaluate",
            self._session,
            expression=expression,
            contextId=world["executionContextId"],
            returnByValue=True,
            awaitPromise=True,
        )
        if "exceptionDetails" in answer:
            raise DevToolsError(f"{expression[:60]}… failed: {answer['exceptionDetails']}")
        return answer["result"].get("value")


def _flat(tree: Json) -> list[Json]:
    return [tree["frame"], *(frame for child in tree.get("childFrames", []) for frame in _flat(child))]
