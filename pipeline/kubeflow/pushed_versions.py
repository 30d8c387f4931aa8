"""Which versions are pushed, as seen from the machine that submits.

Kubeflow Pipelines' API does not tell what a stage found, so whether a model was blessed shows in the folder
of pushed versions alone, and only where this machine may read it.
"""

from __future__ import annotations

import threading

from serving import object_storage


def versions(base_path: str, timeout_s: float = 20.0) -> list[int] | None:
    """Versions in a folder of a file system that TFX reads, newest first; None where they cannot be read.

    Storage that is asked without credentials may try for minutes: it has ``timeout_s``.
    """
    from components import model_store

    found: list[list[int]] = []

    def look() -> None:
        try:
            object_storage.open_for(base_path)
            found.append(model_store.versions(base_path))
        except Exception:
            return  # Whatever a file system raises: it cannot be read from here.

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(timeout_s)
    return found[0] if found else None
