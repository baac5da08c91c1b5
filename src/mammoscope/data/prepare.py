"""From a data set's folder to a checked manifest: read its tables, then every file's bytes once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from mammoscope.data.manifest import Manifest, make_manifest, moved
from mammoscope.data.source import load_source
from mammoscope.errors import ConfigError

HASHES = ".mammoscope-hashes.jsonl"
_CHUNK = 1 << 20


@dataclass(frozen=True, eq=False)
class Preparation:
    """What `prepare` made.

    Attributes:
        manifest: images whose files were read, with their sha256, and their findings.
        broken: image_path and reason of each image that is not in it.
        notes: what the source said of the data set.
    """

    manifest: Manifest
    broken: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def prepare(
    name: str, folder: Path, out: Path | None = None, options: Mapping[str, str] | None = None
) -> Preparation:
    """Make a data set's manifest.

    Hashes are kept in the output folder as they are made, so that a stopped run goes on where
    it was; a file whose size or time changed is read again.

    Args:
        name: of a source, see `mammoscope.data.source.source_names`.
        folder: where the data set lies.
        out: the folder the manifest is meant for; image paths are relative to it. `folder` if
            None.
        options: of the source.

    Raises:
        ConfigError: no such source, folder or option; the data set's tables are not there or not
            as published; no image of it can be read.
    """
    source, options = load_source(name), dict(options or {})
    unknown = {option.split(":")[0] for option in options} - set(source.options)
    if unknown:
        known = ", ".join(source.options) or "none"
        raise ConfigError(f"{name} has no option {min(unknown)!r}; it has: {known}.")
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder; give the one that holds the data set.")
    tables = source.read(folder, options)
    if tables.images.empty:
        raise ConfigError(f"{folder}: there is no image of {name} in it; give another folder.")
    images = tables.images.assign(dataset=name)
    if "modality" not in images:
        images["modality"] = source.modality
    whole = make_manifest(folder, images, tables.findings)
    manifest = moved(whole, folder if out is None else out)
    if not tables.with_files:
        return Preparation(manifest, (), tables.notes)
    hashed = dict(hash_files(list(manifest.images["image_path"]), manifest.folder))
    broken = tuple((path, reason) for path, (_, reason) in hashed.items() if reason)
    if broken and len(broken) == len(hashed):
        raise ConfigError(
            f"{folder}: none of its {len(broken)} images can be read ({broken[0][1]})."
        )
    return Preparation(_readable(manifest, hashed), broken, tables.notes)


def _readable(manifest: Manifest, hashed: Mapping[str, tuple[str, str]]) -> Manifest:
    """The images that have a sha256, with it, and their findings."""
    digests = [hashed[path][0] for path in manifest.images["image_path"]]
    images = manifest.images.assign(sha256=digests)
    images = images[images["sha256"] != ""].reset_index(drop=True)
    findings = manifest.findings
    findings = findings[findings["image_path"].isin(images["image_path"])].reset_index(drop=True)
    return Manifest(images, findings, manifest.folder)


def hash_files(paths: list[str], folder: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each path with its file's sha256 and "", or with "" and the reason why there is none.

    Args:
        paths: relative to `folder`.
        folder: also keeps the hashes already made, in the file HASHES.
    """
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / HASHES
    known = _known(store)
    with store.open("a", encoding="utf-8") as log, ThreadPoolExecutor() as pool:
        results = pool.map(lambda path: _hash(folder / path, path, known), paths)
        console = Console(stderr=True)
        for path, (key, digest, reason) in zip(
            paths, track(results, "reading files", total=len(paths), console=console), strict=True
        ):
            if digest and key not in known:
                log.write(json.dumps([*key, digest]) + "\n")
            yield path, (digest, reason)


Key = tuple[str, int, int]


def _hash(file: Path, path: str, known: Mapping[Key, str]) -> tuple[Key, str, str]:
    try:
        state = file.stat()
        key = (path, state.st_size, state.st_mtime_ns)
        if not state.st_size:
            return key, "", "the file is empty"
        if key in known:
            return key, known[key], ""
        digest = hashlib.sha256()
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        return (path, 0, 0), "", f"{error.strerror or 'it cannot be read'}"
    return key, digest.hexdigest(), ""


def _known(store: Path) -> dict[Key, str]:
    if not store.is_file():
        return {}
    found: dict[Key, str] = {}
    for line in store.read_text(encoding="utf-8").splitlines():
        try:
            path, size, time, digest = json.loads(line)
        except ValueError:  # the last line of a run that was stopped
            continue
        found[path, size, time] = digest
    return found
