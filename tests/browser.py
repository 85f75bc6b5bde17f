"""A headless Chromium, driven over the DevTools protocol."""

import asyncio
import base64
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import aiohttp

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # One process shows all pages: to start one for each costs more than the page.
    "--disable-site-isolation-trials",
    "--renderer-process-limit=1",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
TIMEOUT_S = 20


class Chromium:
    """One browser process with a profile of its own."""

    def __init__(self, program: str) -> None:
        self._profile = Path(tempfile.mkdtemp(prefix="chromium-"))
        self._process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={self._profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def address(self) -> str:
        """The WebSocket URL of DevTools; waits until Chromium has written it to a file."""
        file = self._profile / "DevToolsActivePort"
        deadline = time.monotonic() + TIMEOUT_S
        while not file.exists() or file.read_text().count("\n") < 1:
            assert time.monotonic() < deadline, "Chromium did not start"
            assert self._process.poll() is None, "Chromium ended at once"
            time.sleep(0.01)
        port, path = file.read_text().split("\n")[:2]
        return f"ws://127.0.0.1:{port}{path}"

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(TIMEOUT_S)
        shutil.rmtree(self._profile, ignore_errors=True)


STORAGE = "local_storage,indexeddb,cache_storage,service_workers"
CLEAR_SESSION = "try { sessionStorage.clear(); window.name = '' } catch {}"
"""Session storage belongs to the tab. A page without an origin has none, and says so."""


class Tab:
    """The page of the browser, blank at first, with a viewport, events and scripts of its own.

    It finds no cookies, storage, history, cache or permissions of the one before: they are
    deleted. There is one at a time. A target or a browser context for each would keep them apart,
    too, but costs more processor time than most tests.
    """

    def __init__(self, address: str) -> None:
        self.errors: list[str] = []
        """The errors and warnings of the console."""
        self.requests: list[dict[str, Any]] = []
        """The requests of the page, as in Network.requestWillBeSent."""
        self._address = address
        self._last_id = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self._session: str | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        self._socket = await self._http.ws_connect(self._address, max_msg_size=0)
        self._reader = asyncio.create_task(self._read())
        targets = (await self.send_command("Target.getTargets"))["targetInfos"]
        (page,) = [target["targetId"] for target in targets if target["type"] == "page"]
        attached = await self.send_command("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.send_command(f"{domain}.enable")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.run(CLEAR_SESSION)
        await self.open("about:blank")
        await self.send_command("Page.resetNavigationHistory")
        await self.send_command("Network.clearBrowserCookies")
        await self.send_command("Network.clearBrowserCache")
        await self.send_command("Storage.clearDataForOrigin", origin="*", storageTypes=STORAGE)
        self._session = None
        await self.send_command("Browser.resetPermissions")
        await self._socket.close()
        await self._reader
        await self._http.close()

    async def send_command(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a DevTools command and return its result."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        answer = self._answers[self._last_id] = asyncio.get_running_loop().create_future()
        await self._socket.send_json(message)
        reply = await asyncio.wait_for(answer, TIMEOUT_S)
        assert "error" not in reply, reply
        return reply["result"]

    async def allow_clipboard(self) -> None:
        """Allow pages to read and write the clipboard."""
        permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"]
        session, self._session = self._session, None
        await self.send_command("Browser.grantPermissions", permissions=permissions)
        self._session = session

    async def open(self, url: str) -> None:
        """Open a URL, and wait until the page is loaded."""
        self._loaded.clear()
        result = await self.send_command("Page.navigate", url=url)
        assert "errorText" not in result, result
        await asyncio.wait_for(self._loaded.wait(), TIMEOUT_S)

    async def run(self, script: str) -> Any:
        """Evaluate an expression in the page."""
        answer = await self.send_command(
            "Runtime.evaluate",
            expression=script,
            returnByValue=True,
            awaitPromise=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, script: str, condition: Callable[[Any], bool] = bool) -> Any:
        """Wait until the value of an expression satisfies a condition, and return it."""
        deadline = time.monotonic() + TIMEOUT_S
        while not condition(value := await self.run(script)):
            assert time.monotonic() < deadline, f"{script} stayed {value!r}"
            await asyncio.sleep(0.02)
        return value

    async def text(self, selector: str) -> str:
        """The text of an element."""
        return await self.run(f"document.querySelector({json.dumps(selector)}).textContent")

    async def click(self, selector: str) -> None:
        """Click in the middle of an element, as a mouse does."""
        quoted = json.dumps(selector)
        position = await self.run(
            f"(() => {{ const e = document.querySelector({quoted});"
            " e.scrollIntoView({block: 'center', behavior: 'instant'});"
            " const b = e.getBoundingClientRect();"
            " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.send_command(
                "Input.dispatchMouseEvent",
                type=kind,
                x=position[0],
                y=position[1],
                button="left",
                clickCount=1,
            )

    async def type(self, text: str) -> None:
        """Type into the focused element."""
        await self.send_command("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        """Press a key by its name, like Tab, Enter or ArrowRight."""
        codes = {"Tab": 9, "Enter": 13, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39}
        key_event = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
        if key == "Enter":
            key_event["text"] = "\r"
        await self.send_command("Input.dispatchKeyEvent", type="keyDown", **key_event)
        await self.send_command("Input.dispatchKeyEvent", type="keyUp", **key_event)

    async def set_viewport(
        self, width: int = 1280, height: int = 900, scheme: str = "light", motion: str = ""
    ) -> None:
        """Emulate a viewport of this size, a colour scheme and a motion preference."""
        await self.send_command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion},
        ]
        await self.send_command("Emulation.setEmulatedMedia", features=features)

    async def screenshot(self, file: Path) -> None:
        """Save a picture of the complete page."""
        picture = await self.send_command("Page.captureScreenshot", captureBeyondViewport=True)
        await asyncio.to_thread(file.write_bytes, base64.b64decode(picture["data"]))

    async def _read(self) -> None:
        async for message in self._socket:
            data = json.loads(message.data)
            if "id" in data:
                self._answers.pop(data["id"]).set_result(data)
            else:
                self._handle_event(data["method"], data["params"])

    def _handle_event(self, event: str, params: dict[str, Any]) -> None:
        if event == "Page.loadEventFired":
            self._loaded.set()
        elif event == "Network.requestWillBeSent":
            self.requests.append(params["request"])
        elif event == "Runtime.exceptionThrown":
            self.errors.append(str(params["exceptionDetails"]))
        elif event == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append(params["entry"]["text"])
        elif event == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.errors.append(str(params["args"]))
