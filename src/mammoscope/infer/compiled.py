"""Networks as OpenVINO has compiled them, kept for the next start on the same machine.

Compiling takes several times as long as loading what was compiled before. A file is taken again
only for the same network, options, version of OpenVINO, processor and number of cores, and only
if it is whole. Without a folder of the user's own that can be written, every start compiles.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mammoscope.errors import ConfigError
from mammoscope.files import write_atomic
from mammoscope.machine import cores

FOLDER_VARIABLE = "MAMMOSCOPE_CACHE"
"""Names another folder; "off" keeps nothing."""
KEPT = 8
"""Files in the folder, at most; one has about twice the size of its network."""
_SUFFIX = ".compiled"
_DIGEST = hashlib.sha256().digest_size


def compiled_network(core: Any, network: bytes, options: Mapping[str, str]) -> Any:
    """Compile a network for the CPU, or load what was compiled of it before.

    Args:
        core: `openvino.Core`.
        network: the ONNX file's bytes.
        options: of `compile_model`.

    Returns:
        The compiled model.

    Raises:
        RuntimeError: OpenVINO does not accept the network.
    """
    folder = cache_folder()
    if folder is None:
        return _compile(core, network, options)
    path = folder / f"{_key(core, network, options)}{_SUFFIX}"
    kept = _load(core, path, options)
    if kept is not None:
        return kept
    compiled = _compile(core, network, options)
    _keep(compiled, path)
    return compiled


def cache_folder() -> Path | None:
    """Where compiled networks lie; None if none are kept.

    That is what FOLDER_VARIABLE says, else the place the system has for such files. A folder of
    somebody else's is not used: what is loaded from it is trusted.
    """
    given = os.environ.get(FOLDER_VARIABLE, "")
    if given.lower() == "off":
        return None
    try:
        folder = Path(given) if given else _caches() / "mammoscope"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except (OSError, RuntimeError):
        return None
    if sys.platform != "win32" and (found.st_uid != os.geteuid() or found.st_mode & 0o022):
        return None
    return folder


def _caches() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _key(core: Any, network: bytes, options: Mapping[str, str]) -> str:
    import openvino

    processor = [str(core.get_property("CPU", "FULL_DEVICE_NAME"))]
    processor += sorted(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
    facts = json.dumps([openvino.get_version(), processor, cores(), dict(options)], sort_keys=True)
    return hashlib.sha256(hashlib.sha256(network).digest() + facts.encode()).hexdigest()[:32]


def _compile(core: Any, network: bytes, options: Mapping[str, str]) -> Any:
    return core.compile_model(core.read_model(network), "CPU", dict(options))


def _load(core: Any, path: Path, options: Mapping[str, str]) -> Any | None:
    """What `_keep` wrote; None if it is not there, not whole, or not accepted."""
    try:
        content = path.read_bytes()
        os.utime(path)  # the least recently used are cleared away first
    except OSError:
        return None
    digest, blob = content[:_DIGEST], content[_DIGEST:]
    if hashlib.sha256(blob).digest() != digest:
        return None
    try:
        return core.import_model(blob, "CPU", dict(options))
    except RuntimeError:
        return None


def _keep(compiled: Any, path: Path) -> None:
    try:
        blob = compiled.export_model().getvalue()
        write_atomic(path, hashlib.sha256(blob).digest() + blob)
        files = sorted(path.parent.glob(f"*{_SUFFIX}"), key=lambda file: file.stat().st_mtime)
        for old in files[:-KEPT]:
            old.unlink(missing_ok=True)
    except (ConfigError, OSError, RuntimeError):
        return  # a full disk or a plugin that cannot export: the next start compiles again
