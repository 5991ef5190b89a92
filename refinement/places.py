"""Where things are kept on disk: the project's files, and what one run remembers for the next."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
from pathlib import Path

import platformdirs


def project_root() -> Path:
    """The folder that holds the layers, which the locations of obligations are relative to."""
    found = importlib.util.find_spec("proofs")
    if found is not None and found.submodule_search_locations:
        return Path(next(iter(found.submodule_search_locations))).resolve().parent
    return Path.cwd()


def cache_directory() -> Path:
    """The folder for what may be lost: REFINE_CACHE_DIR, or one for this project in the user's cache."""
    chosen = os.environ.get("REFINE_CACHE_DIR")
    if chosen:
        return Path(chosen)
    root = project_root()
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    return platformdirs.user_cache_path("refine") / f"{root.name}-{digest}"


@functools.cache
def relative(filename: str) -> str:
    """A file's name from the project's folder on, if it is in there."""
    path = Path(filename)
    root = project_root()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else filename


def find_source(name: str) -> Path | None:
    """The file that an obligation's location names, if it is there."""
    for base in (project_root(), Path.cwd()):
        path = base / name
        if path.is_file():
            return path
    return None
