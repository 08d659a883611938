"""The server process: Granian, set for many idle visitors, and a worker's application."""

import ctypes
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from ytproxy.config import Settings
from ytproxy.errors import ConfigError
from ytproxy.web import THREADS_A_WORKER, create_app

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

CONNECTIONS_A_WORKER = 8_192  # idle ones count too; Granian's default stops taking new ones at about 500
STOP_WITHIN_S = 5  # a half-open connection would hold a stop for half a minute
SWITCH_S = 0.001  # Python's own 5 ms are what a hit waits when a miss has work to do
_M_ARENA_MAX = -8  # from malloc.h
_PR_SET_PDEATHSIG = 1  # from linux/prctl.h


def serve(settings: Settings, application: "Callable[[Settings], WSGIApplication]" = create_app) -> None:
    """Runs what *application* makes, in each worker, until SIGTERM or SIGINT.

    Raises ConfigError when the address cannot be listened on.
    """
    _raise_file_limit()
    server = Granian(
        "ytproxy",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=THREADS_A_WORKER,
        backlog=4_096,
        backpressure=CONNECTIONS_A_WORKER,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=10_000, max_buffer_size=65_536),
        websockets=False,
        respawn_failed_workers=True,
        respawn_interval=0.1,
        workers_kill_timeout=STOP_WITHIN_S,
        log_level=LogLevels.error,
    )
    try:
        _refuse_a_taken_port(settings.host, settings.port)
        server.serve(target_loader=partial(_start_worker, application, settings), wrap_loader=False)
    except (OSError, RuntimeError) as error:
        raise ConfigError(
            f"The server cannot listen on {settings.host}, port {settings.port}: {error}. "
            "Choose another with --port, or stop what uses this one."
        ) from error


def _start_worker(application: "Callable[[Settings], WSGIApplication]", settings: Settings) -> "WSGIApplication":
    _end_with_the_server()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)  # until the worker has its own handlers: it was forked with its parent's
    _share_heaps()
    sys.setswitchinterval(SWITCH_S)
    _wake_the_main_thread_for_signals()
    return application(settings)


def _end_with_the_server() -> None:
    """A worker left behind by a killed server would hold the port. Linux has a call against that."""
    with suppress(AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _share_heaps() -> None:
    """glibc would give the threads up to eight heaps a core, each of which keeps the room of the largest picture that
    was ever made in it: three times the memory after some minutes. Other C libraries have no such call."""
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def _wake_the_main_thread_for_signals() -> None:
    """The system may hand SIGTERM to any thread, one just being made for instance. Python acts on it in the main
    thread, which would sleep on until the worker is killed, in the middle of answers."""
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told)

    def wake() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, os.read(heard, 1)[0])

    threading.Thread(target=wake, name="signals", daemon=True).start()


def _refuse_a_taken_port(host: str, port: int) -> None:
    """Raises OSError where somebody listens. Granian's workers share their port, and would with another server's."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _raise_file_limit() -> None:
    """Each connection is an open file; the usual soft limit of 1,024 is below what one worker may hold."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
