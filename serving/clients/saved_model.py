"""A language model in this process, from its SavedModel, with a client's methods.

Signatures are checked and run as the embedded server does it, so the answers are the same. Loading
imports TensorFlow, and costs seconds and the model's memory; nothing stops a call that takes
longer than its timeout.
"""

from __future__ import annotations

import posixpath
from typing import Any

import tensorflow as tf

from serving import contract
from serving.clients.language_model import LanguageModel
from serving.clients.requests import Chat, Predict, Request, Status
from serving.clients.results import AVAILABLE, Generation, ServedVersion
from serving.clients.retries import Retries
from serving.errors import NotFoundError, UnimplementedError
from serving.servables.servable import load_servable
from serving.versions.repository import version_folders

_FILE = "saved_model.pb"


class SavedModel(LanguageModel):
    """The model in ``folder``: a version's, or a base path, whose newest version is taken unless told."""

    def __init__(self, folder: str, version: int | None = None) -> None:
        super().__init__(Retries(max_tries=1))
        self.version, self.version_dir = _chosen(folder, version)
        self._servable = load_servable(self.version_dir)

    def _send(self, request: Request, timeout_s: float) -> Any:
        if isinstance(request, Status):
            return [ServedVersion(self.version, AVAILABLE, "")]
        if isinstance(request, Predict):
            return self._predicted(request)
        if isinstance(request, Chat):
            return self._next_message(request)
        raise UnimplementedError(
            "a model in this process neither streams nor describes itself: serve it with 'lexmill serve'"
        )

    def _predicted(self, request: Predict) -> dict[str, list[Any]]:
        feeds = {
            field.name: tf.constant(request.columns[field.name], field.dtype)
            for field in contract.SIGNATURES[request.signature_name].inputs
        }
        outputs = self._servable.run(request.signature_name, feeds)
        return {name: tensor.numpy().tolist() for name, tensor in outputs.items()}

    def _next_message(self, request: Chat) -> Generation:
        from serving.openai.chat_template import prompt_of
        from serving.openai.requests import Message

        prompt = prompt_of(self.version_dir, [Message.model_validate(one) for one in request.messages])
        [generation] = self.generate([prompt], **request.sampling, stop=request.stop)  # type: ignore[arg-type]
        return generation


def _chosen(folder: str, version: int | None) -> tuple[int, str]:
    """The version's number and its own folder."""
    folder = folder.rstrip("/")
    if tf.io.gfile.exists(posixpath.join(folder, _FILE)):
        name = posixpath.basename(folder)
        return (int(name) if name.isdecimal() else 1), folder
    folders = version_folders(folder) or {}
    if not folders:
        raise NotFoundError(
            f"{folder}: no SavedModel is here: expected {_FILE}, or folders with a number as name"
        )
    chosen = max(folders) if version is None else version
    if chosen not in folders:
        there = ", ".join(str(number) for number in sorted(folders))
        raise NotFoundError(f"{folder}: no version {chosen} is here, only {there}")
    return chosen, folders[chosen]
