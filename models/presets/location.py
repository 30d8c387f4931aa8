"""Where a preset is: a folder, or a name at Kaggle or Hugging Face that is made one.

Both hubs keep what they have downloaded in caches of their own (``~/.cache``), so it happens once.
What goes wrong on the way, no network, no credential, no such name, is one line.
"""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from models.errors import PresetError, first_line

KAGGLE, HUGGING_FACE = "kaggle://", "hf://"
_FORMS = (
    "expected a folder that save_to_preset wrote, kaggle://OWNER/MODEL/keras/VARIATION or hf://OWNER/MODEL"
)
_TIMEOUT_S = 10.0
"""Until a hub's first answer."""
_FILES = ("*.json", "*.h5", "*.safetensors", "*.model", "*.spm", "*.txt")
"""What KerasHub reads; a Hugging Face repository also holds weights in other formats."""


def locate(preset: str) -> Path:
    """The folder of a preset, downloaded if need be.

    Raises:
      PresetError: there is none, or it cannot be had.
    """
    if preset.startswith(KAGGLE):
        return _from_kaggle(preset)
    if preset.startswith(HUGGING_FACE):
        return _from_hugging_face(preset)
    folder = Path(preset).expanduser()
    if folder.is_dir():
        return folder
    if "://" not in preset and "/" not in preset and (handle := _built_in(preset)):
        return _from_kaggle(handle)
    found = "a file" if folder.is_file() else "no such folder"
    raise PresetError(f"preset {preset}: {found}: {_FORMS}")


def fingerprint(folder: Path) -> str:
    """SHA-256 of a preset's files, names and content: another one, another model."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(part.startswith(".") for part in name.parts) or not path.is_file():
            continue
        content = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                content.update(block)
        digest.update(f"{name.as_posix()} {content.hexdigest()}\n".encode())
    return digest.hexdigest()


def _built_in(name: str) -> str | None:
    """The Kaggle handle of one of KerasHub's own names, as ``gpt2_base_en``."""
    import keras_hub

    known: dict[str, Any] = keras_hub.models.CausalLM.presets
    handle = known.get(name, {}).get("kaggle_handle")
    return str(handle) if handle else None


def _from_kaggle(preset: str) -> Path:
    import kagglehub
    import requests

    handle = preset.removeprefix(KAGGLE)
    page = "https://www.kaggle.com/models/" + "/".join(handle.split("/")[:2])
    if len(handle.split("/")) not in (4, 5):
        raise PresetError(f"preset {preset}: not a Kaggle handle: {_FORMS}")
    try:
        return Path(kagglehub.model_download(handle))
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else None
        raise PresetError(_refused(preset, status, page, "set KAGGLE_USERNAME and KAGGLE_KEY")) from error
    except requests.RequestException as error:
        raise PresetError(_unreachable(preset, "api.kaggle.com")) from error
    except Exception as error:
        raise PresetError(f"preset {preset}: Kaggle: {first_line(error)}; see {page}") from error


def _from_hugging_face(preset: str) -> Path:
    try:
        import huggingface_hub
        from huggingface_hub import constants, errors
    except ImportError as error:
        raise PresetError(
            f"preset {preset}: the package huggingface_hub is not installed: pip install 'lexmill[hub]'"
        ) from error
    handle = preset.removeprefix(HUGGING_FACE)
    offline = not _answers(constants.ENDPOINT)
    page = f"https://huggingface.co/{handle}"
    try:
        folder = huggingface_hub.snapshot_download(
            handle, allow_patterns=list(_FILES), local_files_only=offline
        )
        return Path(folder)
    except errors.HFValidationError as error:
        raise PresetError(f"preset {preset}: not a Hugging Face name: {_FORMS}") from error
    except errors.LocalEntryNotFoundError as error:
        raise PresetError(_unreachable(preset, "huggingface.co")) from error
    except errors.HfHubHTTPError as error:
        gated = isinstance(error, errors.GatedRepoError)
        status = 403 if gated else getattr(error.response, "status_code", None)
        raise PresetError(_refused(preset, status, page, "set HF_TOKEN")) from error
    except Exception as error:
        raise PresetError(f"preset {preset}: Hugging Face: {first_line(error)}; see {page}") from error


def _answers(url: str) -> bool:
    """Whether a server is there at all: huggingface_hub itself asks again for minutes."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=_TIMEOUT_S):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _refused(preset: str, status: int | None, page: str, remedy: str) -> str:
    if status in (401, 403):
        return f"preset {preset}: refused ({status}): {remedy}, and accept the model's terms at {page}"
    if status == 404:
        return f"preset {preset}: not found (404), or not for you: check the name at {page}, or {remedy}"
    return f"preset {preset}: the hub answered with status {status}: try again later, or see {page}"


def _unreachable(preset: str, host: str) -> str:
    return (
        f"preset {preset}: no answer from {host}, and no copy here: check the network and its proxy, or "
        "download the preset elsewhere and give its folder"
    )
