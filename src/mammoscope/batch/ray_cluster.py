"""A connection to Ray: a small cluster on this machine, or one that runs already."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from secrets import token_hex
from threading import current_thread, main_thread
from typing import Any

from mammoscope.errors import ConfigError, MissingExtraError
from mammoscope.machine import cores

STORE_BYTES = 400 * 2**20
"""Shared memory of a cluster on this machine, where read exams wait for the network."""
_SECONDS = 5.0
"""Within which the head of a cluster must answer."""
_TOKEN = token_hex(32)
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # it would tell its makers that it runs
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # else every process of it writes to our stderr
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # else it tells of every process that ends, on stdout
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else a warning at every start
}


@contextmanager
def cluster(address: str | None = None) -> Iterator[int]:
    """Be connected to Ray, which ends or is left when the block does; gives its number of CPUs.

    Args:
        address: host:port of a cluster's head; None starts one of this machine's cores, which
            leaves nothing behind, no log either.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: nothing answers at the address, or it is not a cluster that fits.
    """
    ray = imported()
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    with ExitStack() as stack:
        if address is None:
            stack.enter_context(_own_token())
            folder = tempfile.TemporaryDirectory(prefix="mammoscope-", ignore_cleanup_errors=True)
            options |= _own(stack.enter_context(folder))
        else:
            _knock(address)
            options["address"] = address
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", module=r"ray\.")  # advice on small data sets
        stack.callback(ray.shutdown)
        try:
            with _hushed():
                ray.init(**options)
            stack.enter_context(_ended_gently())
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            said = (str(error).strip() or type(error).__name__).splitlines()[0]
            said = said.split(". ")[0].rstrip(".:")  # what is wrong; its advice is long
            raise ConfigError(
                f"batch: Ray cannot be joined at {address or 'this machine'} ({said}); this "
                "machine must be one of its nodes: type `ray start --address=HOST:PORT` first."
            ) from error
        yield cpus()


def cpus() -> int:
    """CPUs of the cluster as it is now, at least 1."""
    return max(1, int(imported().cluster_resources().get("CPU", 1)))


@contextmanager
def _own_token() -> Iterator[None]:
    """What the processes of a cluster here show each other; Ray would write one to the home."""
    if "RAY_AUTH_TOKEN" in os.environ:
        yield
        return
    os.environ["RAY_AUTH_TOKEN"] = _TOKEN
    try:
        yield
    finally:
        del os.environ["RAY_AUTH_TOKEN"]


@contextmanager
def _ended_gently() -> Iterator[None]:
    """Take the end of a job (SIGTERM) as Ctrl-C; Ray would print the stack and abort."""
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep from stderr that Ray's own log is set to be silent, which it says at the start."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def imported() -> Any:
    """The package ray, told to be silent before it is imported for the first time."""
    os.environ.update(_QUIET)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError("--engine ray", "scale") from error
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    return ray


def _own(folder: str) -> dict[str, Any]:
    return {
        "address": "local",
        "num_cpus": cores(),
        "object_store_memory": STORE_BYTES,
        "include_dashboard": False,
        "_temp_dir": folder,
    }


def _knock(address: str) -> None:
    """Look whether anything listens; Ray itself would try for a minute."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in address:
        raise ConfigError(f"batch: --address {address!r} is not HOST:PORT, such as ray-head:6379.")
    try:
        socket.create_connection((host, int(port)), _SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"batch: nothing answers at --address {address} ({type(error).__name__}); give the "
            "host and port that `ray start --head` printed."
        ) from error
