"""Runs the application on a socket of its own."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
import webbrowser
from logging.handlers import RotatingFileHandler
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout

from mammoscope.errors import ConfigError
from mammoscope.web.app import create_app
from mammoscope.web.patience import PatientProtocol
from mammoscope.web.settings import Settings

LOCK = "server.lock"
_BACKLOG = 256
_GRACE_S = 10
_CONNECTIONS = 512
_AUDIT_BYTES, _AUDIT_FILES = 10_000_000, 9


def serve(settings: Settings, *, open_browser: bool = False) -> None:
    """Serve until interrupted.

    Raises:
        ConfigError: the address or the folder cannot be had.
        WeightsError: weights are missing or damaged.
    """
    os.umask(0o077)  # what is kept is nobody else's
    lock = claim(settings.data)
    try:
        _serve(settings, open_browser)
    finally:
        lock.release()


def _serve(settings: Settings, open_browser: bool) -> None:
    listening = listen(settings)
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print("loading the networks ...", file=sys.stderr)
    _log_to(settings.data / "audit.log")
    app = create_app(settings)
    print(f"Mammoscope: http://{shown}:{port}/ (Ctrl+C stops it)", file=sys.stderr, flush=True)
    if open_browser:
        threading.Timer(1.0, webbrowser.open, (f"http://{shown}:{port}/",)).start()
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # paths are the audit log's affair
        server_header=False,
        http=PatientProtocol,
        proxy_headers=settings.proxy is not None,
        forwarded_allow_ips=settings.proxy,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_S,
    )
    uvicorn.Server(config).run(sockets=[listening])


def claim(folder: Path) -> FileLock:
    """Take a folder that is empty or a server's, and keep others out of it while the lock is held.

    Raises:
        ConfigError: it cannot be written, another server uses it, or it holds something else, of
            which a server's own tidying might delete some.
    """
    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(folder.iterdir()) and not (folder / LOCK).exists():
            raise ConfigError(
                f"serve: {folder} holds files that are no server's; give --data an empty folder."
            )
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError(
            f"serve: another server uses {folder}; stop it or choose another --data folder."
        ) from None
    except OSError as error:
        raise ConfigError(
            f"serve: {folder} cannot be written ({error.strerror}); choose another --data folder."
        ) from error
    return lock


def _log_to(audit: Path) -> None:
    """Our own words alone are logged: libraries' may quote what files hold."""
    logging.disable(logging.NOTSET)
    logging.lastResort = None
    audit.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    rotated = RotatingFileHandler(audit, maxBytes=_AUDIT_BYTES, backupCount=_AUDIT_FILES)
    said = logging.StreamHandler(sys.stderr)
    said.setFormatter(logging.Formatter("mammoscope: %(message)s"))
    for name, handler, level in (
        ("mammoscope.audit", rotated, logging.INFO),
        ("mammoscope.web", said, logging.WARNING),
    ):
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.addHandler(handler)
        logger.setLevel(level)


def listen(settings: Settings) -> socket.socket:
    """A socket at the address asked for; port 0 takes a free one.

    Raises:
        ConfigError: it is taken, or no address of this machine.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listening.close()
        raise ConfigError(
            f"serve: {settings.host} port {settings.port} cannot be listened at "
            f"({getattr(error, 'strerror', None) or error}); choose another --port or --host."
        ) from error
    return listening
