"""Build the image without Docker, and check it the way that docs/deploy runs it.

It needs root, and Debian's packages buildah and debootstrap. The base is Debian 13 with its Python
3.13, like the image that the Dockerfile names, so that no image registry is needed; it is kept in
~/.cache for the next time. The container is made of namespaces: a read-only root file system, the
image's user without capabilities, and the command as process 1. Its network is the machine's.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path.home() / ".cache/portkey-admin-mcp"
SUITE = "trixie"
BASE = f"localhost/python-base:{SUITE}"
IMAGE = "localhost/portkey-admin-mcp:check"
TOKEN = "0123456789abcdef0123456789abcdef"
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10

CONTAINER = """
set -e
root=$1; shift
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev"
mount -t tmpfs -o uid=10001,gid=10001,mode=0700 tmpfs "$root/data"
for device in null zero random urandom; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mount -o remount,bind,ro "$root"
exec chroot "$root" "$@"
"""
"""Becomes process 1 of the container; the arguments are its root and its command."""

opener = build_opener(ProxyHandler({}))


def buildah(*arguments: str) -> str:
    """Run buildah with its storage in the cache; its output."""
    driver = os.environ.get("STORAGE_DRIVER", "overlay")  # noqa: TID251  # buildah's own setting
    storage = [f"--root={CACHE}/storage", f"--runroot={CACHE}/run", f"--storage-driver={driver}"]
    done = subprocess.run(
        ["buildah", *storage, *arguments], cwd=ROOT, check=False, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"buildah {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


@contextmanager
def mounted(image: str) -> Iterator[tuple[str, str]]:
    """A new container of an image, with its name, and the path of its root file system."""
    name = buildah("from", "--pull-never", image)
    try:
        yield name, buildah("mount", name)
    finally:
        buildah("rm", name)


def make_base() -> None:
    """Make the base image from Debian's packages, unless it is in the cache."""
    if BASE in buildah("images", "--format", "{{.Name}}:{{.Tag}}").split():
        return
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)"]
    command += ["Created-By: Packages", "Label: Debian"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True)
    mirrors = listed.stdout.split()
    require(bool(mirrors), "apt-get knows no mirror of Debian: run apt-get update")
    with mounted("scratch") as (container, root):
        command = ["debootstrap", "--variant=minbase", "--include=python3,python3-venv"]
        subprocess.run([*command, SUITE, root, mirrors[0]], check=True, stdout=subprocess.DEVNULL)
        # As in the official image: python and pip in /usr/local, apart from Debian's packages.
        buildah("run", "--isolation=chroot", container, "python3", "-m", "venv", "/usr/local")
        buildah("commit", container, BASE)


def build() -> dict[str, Any]:
    """Build the image; its configuration as Docker would read it."""
    buildah(
        *("build", "--isolation=chroot", "--format=docker", f"--build-arg=BASE={BASE}"),
        # pip trusts what this machine trusts.
        *("--volume=/etc/ssl/certs:/etc/ssl/certs:ro", f"--tag={IMAGE}", "."),
    )
    buildah("rmi", "--prune")  # the image of the last time
    image = json.loads(buildah("inspect", "--type=image", IMAGE))
    config: dict[str, Any] = image["Docker"]["config"]
    return config


class Container:
    """The image's command, running on the sandbox in a container."""

    def __init__(
        self,
        root: str,
        config: dict[str, Any],
        *,
        init: bool = False,
        command: tuple[str, ...] = (),
    ) -> None:
        """Start the command in the image whose root file system is at `root`.

        It is process 1. With `init` it is not, as with `docker run --init`, where process 1 passes
        signals on. `command` replaces the image's own, as at the end of `docker run`.
        """
        self.init = init
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        user, group = config["User"].split(":")
        self.rights = [
            *("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"),
            *("--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"),
        ]
        self.environment = [
            *("env", "-i", *config["Env"], f"MCP_PORT={self.port}", "PORTKEY_SANDBOX=true"),
            *("MCP_AUTH_MODE=bearer", f"MCP_AUTH_TOKEN={TOKEN}", "MCP_SESSION_MODE=stateless"),
            f"PORTKEY_EMULATOR_PORT={self.port}",
        ]
        self.command = [*config["Entrypoint"], *(command or config["Cmd"])]
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [
                *("unshare", "--mount", *([] if init else ["--pid", "--fork"])),
                *("sh", "-c", CONTAINER, "sh", root),
                *(*self.rights, *self.environment, *self.command),
            ]
        )

    def pid(self) -> int:
        """The command's process id, as this machine counts, once it runs."""
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children")
        pid = parent if self.init else 0

        def runs() -> bool:
            nonlocal pid
            pid = pid or int(children.read_text() or 0)
            return f"/{self.command[0]}\0" in Path(f"/proc/{pid or parent}/cmdline").read_text()

        self.wait_until(runs)
        return pid

    def run(
        self, command: list[str], *, as_root: bool = False
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in the container, as the image's user or as root."""
        rights = [] if as_root else self.rights
        return subprocess.run(
            [
                *("nsenter", f"--target={self.pid()}", "--mount", "--pid", "--root", "--wd"),
                *(*rights, *self.environment, *command),
            ],
            check=False,
            capture_output=True,
            text=True,
        )

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition is true; SystemExit if the command ends or this takes too long."""
        while not condition():
            if self.process.poll() is not None:
                sys.exit(f"the command ended with {self.process.returncode}")
            if time.monotonic() > self.started + START_TIMEOUT_S:
                sys.exit(f"the command did not start in {START_TIMEOUT_S} s")
            time.sleep(0.02)

    def call_tool(self, name: str, arguments: dict[str, Any]) -> str:
        """The service's answer to a call of a tool, as text."""
        headers = {
            "Authorization": f"Bearer {TOKEN}",
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
        }
        params = {"name": name, "arguments": arguments}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        request = Request(f"http://127.0.0.1:{self.port}/mcp", json.dumps(body).encode(), headers)
        with opener.open(request, timeout=10) as response:
            return str(response.read().decode())

    def stop(self) -> float:
        """Send SIGTERM to the command; the seconds until it ends."""
        begin = time.monotonic()
        os.kill(self.pid(), signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            sys.exit(f"SIGTERM did not end the command in {STOP_TIMEOUT_S} s")
        return time.monotonic() - begin

    def kill(self) -> None:
        """End the command, if it has not ended."""
        if self.process.poll() is None:
            os.kill(self.pid(), signal.SIGKILL)
            self.process.wait(STOP_TIMEOUT_S)


def check(config: dict[str, Any], root: str) -> None:
    """Check one container from its start to its end; SystemExit says what is wrong."""
    container = Container(root, config)
    try:
        healthy = config["Healthcheck"]["Test"][1:]
        container.wait_until(lambda: container.run(healthy).returncode == 0)
        print(f"healthy after {time.monotonic() - container.started:.1f} s")

        status = Path(f"/proc/{container.pid()}/status").read_text()
        for line in ("Uid:\t10001", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000"):
            require(line in status, f"process 1 has not {line!r}:\n{status}")
        touched = container.run(["touch", "/opt/portkey-admin-mcp/file"], as_root=True)
        require("Read-only file system" in touched.stderr, "the root file system can be written")
        kept = container.run(["touch", "/data/file"])
        require(kept.returncode == 0, f"the volume /data cannot be written: {kept.stderr}")
        imported = container.run(["python", "-c", "import opentelemetry.sdk, pydantic_monty"])
        require(imported.returncode == 0, imported.stderr)

        answer = container.call_tool("list_workspaces", {})
        require('"isError":true' not in answer and "total" in answer, answer)
        print(f"list_workspaces answered {len(answer)} bytes")
        print(f"SIGTERM while it serves ends it in {container.stop():.1f} s")
    finally:
        container.kill()


def check_emulator(config: dict[str, Any], root: str) -> None:
    """Check that the image serves the emulator, and that its health check knows."""
    container = Container(root, config, command=("emulator",))
    try:
        healthy = config["Healthcheck"]["Test"][1:]
        container.wait_until(lambda: container.run(healthy).returncode == 0)
        print(f"emulator healthy after {time.monotonic() - container.started:.1f} s")
        with opener.open(f"http://127.0.0.1:{container.port}/emulator/keys", timeout=10) as answer:
            require("owner" in json.load(answer), "the emulator lists no keys")
        print(f"SIGTERM ends the emulator in {container.stop():.1f} s")
    finally:
        container.kill()


def check_early_stop(config: dict[str, Any], root: str) -> None:
    """Check that SIGTERM ends the command before it serves, if an init process passes it on.

    For process 1 the kernel drops a signal that has no handler yet.
    """
    container = Container(root, config, init=True)
    try:
        print(f"SIGTERM while it starts ends it in {container.stop():.1f} s")
    finally:
        container.kill()


def require(condition: bool, message: str) -> None:
    """End with a message, unless a condition is true."""
    if not condition:
        sys.exit(message)


def main() -> None:
    """Make the base, build the image, run it."""
    begin = time.monotonic()
    make_base()
    print(f"base after {time.monotonic() - begin:.0f} s")
    config = build()
    print(f"image after {time.monotonic() - begin:.0f} s")
    with mounted(IMAGE) as (_, root):
        check(config, root)
        check_emulator(config, root)
        check_early_stop(config, root)
    print(f"checked after {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
