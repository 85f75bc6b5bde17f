"""A redis-server process of its own, for tests that need a real Redis."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator

from programs import require_program

TIMEOUT_S = 20


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class RedisServer:
    """A redis-server process on a free port, which can be stopped and started again."""

    def __init__(self, program: str, port: int, password: str = "") -> None:
        self.port = port
        self.url = f"redis://{f':{password}@' if password else ''}127.0.0.1:{port}/0"
        self._command = [program, "--port", str(port), "--save", "", "--appendonly", "no"]
        self._command += ["--requirepass", password] if password else []
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.005)
        raise TimeoutError("Redis did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def running_redis(password: str = "") -> Iterator[RedisServer]:
    server = RedisServer(require_program("redis-server"), free_port(), password)
    server.start()
    try:
        yield server
    finally:
        server.stop()
