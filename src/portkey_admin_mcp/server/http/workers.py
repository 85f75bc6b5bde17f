"""Worker processes that share a port evenly: on Linux, each has a listening socket of its own.

With one socket for all, a worker that wakes up accepts every connection that is waiting, so most
connections can end up in one worker. With one socket for each, the kernel chooses by the hash of
the addresses. The parent keeps the sockets open: connections wait in them while a worker restarts.
"""

import socket
import sys

import uvicorn
from uvicorn.supervisors import Multiprocess, multiprocess

from .graceful import Server


class WorkerProcess(multiprocess.Process):
    """A worker with the server that stops gracefully."""

    @property
    def server(self) -> Server:
        """The server of this worker."""
        if not isinstance(self._server, Server):
            self._server = Server(self.config)
        return self._server


# uvicorn has no option for it.
multiprocess.Process = WorkerProcess  # type: ignore[misc]


class Workers(Multiprocess):
    """Supervises one worker for each socket, through one of uvicorn's supervisors for each."""

    # A worker more or less at a signal would need another socket, or leave one without a worker.
    handle_ttin = None  # type: ignore[assignment]
    handle_ttou = None  # type: ignore[assignment]

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        self._supervisors = [Multiprocess(config, [each]) for each in sockets]
        super().__init__(config, sockets)  # last, because each replaces the signal handlers
        for supervisor in self._supervisors:
            supervisor.processes_num = 1
            supervisor.should_exit = self.should_exit

    def init_processes(self) -> None:
        """Start all workers."""
        for supervisor in self._supervisors:
            supervisor.init_processes()

    def keep_subprocess_alive(self) -> None:
        """Replace each worker that has died or does not answer."""
        for supervisor in self._supervisors:
            supervisor.keep_subprocess_alive()

    def restart_all(self) -> None:
        """Replace the workers one after the other; each stops when its replacement serves."""
        for supervisor in self._supervisors:
            supervisor.restart_all()

    def terminate_all(self) -> None:
        """Ask all workers to stop."""
        for supervisor in self._supervisors:
            supervisor.terminate_all()

    def join_all(self) -> None:
        """Wait until all workers have stopped."""
        for supervisor in self._supervisors:
            supervisor.join_all()


def supervise(config: uvicorn.Config) -> None:
    """Run `config.workers` workers until a signal; exits if the address is in use."""
    only = config.bind_socket()
    if sys.platform != "linux":  # elsewhere SO_REUSEPORT does not spread connections
        Multiprocess(config, [only]).run()
        return
    address = only.getsockname()
    only.close()  # no other socket could be bound beside it, since it does not share its port
    Workers(config, [_bound(only.family, address) for _ in range(config.workers)]).run()


def _bound(family: int, address: tuple[str, int]) -> socket.socket:
    """A socket that shares the port of its address; it listens when a worker serves it."""
    each = socket.socket(family)
    each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    each.bind(address)
    each.set_inheritable(True)
    return each
