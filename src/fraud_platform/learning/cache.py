"""The learned model on disk: learned once per history and version of the code."""

from __future__ import annotations

import gc
import hashlib
import importlib.resources
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources.abc import Traversable
from pathlib import Path

from fraud_platform.errors import HOW_TO_MAKE_HISTORY, HistoryError, UsageError
from fraud_platform.learning.model import LearnedModel, load_model

log = logging.getLogger(__name__)

_TEACHING = ("agents", "learning", "state", "wire")
"""Packages whose code decides what is learned."""
_LATEST = "model-latest"


def obtain_model(model_dir: Path, history: Path | None) -> LearnedModel:
    """The model of this history: from ``model_dir`` if it is there, else learned now and kept.

    Without a history the model learned last is taken, if this version of the code learned it.
    Raises ``HistoryError`` where there is neither, ``UsageError`` where it cannot be kept.
    """
    code = _code_digest()
    latest = model_dir / _LATEST
    if history is None:
        model = load_model(model_dir / _name_in(latest, code))
        if model is None:
            raise HistoryError(
                f"no --history was given and {model_dir} holds no model of this version;"
                f" {HOW_TO_MAKE_HISTORY}"
            )
        return model
    name = f"model-{_file_digest(history)}-{code}.json"
    model = load_model(model_dir / name)
    if model is None:
        log.info("learning from %s", history)
        from fraud_platform.learning.history import read_history
        from fraud_platform.learning.training import learn

        try:
            model_dir.mkdir(parents=True, exist_ok=True)
            with _collector_off():
                model = learn(read_history(history))
            model.save(model_dir / name)
        except OSError as error:
            raise UsageError(
                f"{model_dir}: the model cannot be kept there ({error.strerror}); choose a"
                " directory you can write"
            ) from error
    _point_to(latest, name)
    return model


@contextmanager
def _collector_off() -> Iterator[None]:
    """Millions of small values that all stay alive: looking for garbage among them is idle work."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _name_in(latest: Path, code: str) -> str:
    try:
        name = latest.read_text("utf-8").strip()
    except OSError:
        return "none"
    return name if name.endswith(f"-{code}.json") and "/" not in name else "none"


def _point_to(latest: Path, name: str) -> None:
    try:
        unfinished = latest.with_suffix(".unfinished")
        unfinished.write_text(name, "utf-8")
        unfinished.replace(latest)
    except OSError as error:
        log.warning("%s cannot be written (%s)", latest, error.strerror)


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except FileNotFoundError as error:
        raise HistoryError(f"{path}: no such file; {HOW_TO_MAKE_HISTORY}") from error
    except OSError as error:
        raise HistoryError(f"{path}: cannot be read ({error.strerror})") from error
    return digest.hexdigest()[:16]


def _code_digest() -> str:
    digest = hashlib.sha256()
    for package in _TEACHING:
        _digest_tree(importlib.resources.files("fraud_platform") / package, digest)
    return digest.hexdigest()[:12]


def _digest_tree(folder: Traversable, digest: hashlib._Hash) -> None:
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".py"):
            digest.update(entry.name.encode())
            digest.update(entry.read_bytes())
