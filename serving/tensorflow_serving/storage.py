"""Where a server's container finds the versions of a model."""

from __future__ import annotations

import dataclasses
import re

from serving.errors import StartError

_CLAIM = re.compile(r"pvc://(?P<claim>[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(/(?P<path>.*))?")


@dataclasses.dataclass(frozen=True)
class LocalFolder:
    """A folder of this machine: mounted by Compose, and put into the image for Kubernetes."""

    path: str


@dataclasses.dataclass(frozen=True)
class VolumeClaim:
    """A folder of a Kubernetes volume."""

    name: str
    sub_path: str
    """Below the volume's root, without slashes at its ends; may be empty."""


@dataclasses.dataclass(frozen=True)
class Bucket:
    """A URI that the server itself reads."""

    uri: str


Storage = LocalFolder | VolumeClaim | Bucket


def storage_of(storage_uri: str | None, local_folder: str) -> Storage:
    """The storage that ``storage_uri`` names, or the local folder.

    Raises:
      StartError: the stock server has no such file system. It has gs:// and nothing else that is remote:
        s3:// went with TensorFlow 2.7 (github.com/tensorflow/serving, issue 1963).
    """
    uri = (storage_uri or local_folder).rstrip("/")
    if "://" not in uri:
        return LocalFolder(uri)
    if match := _CLAIM.fullmatch(uri):
        return VolumeClaim(match["claim"], (match["path"] or "").strip("/"))
    if uri.startswith("gs://"):
        return Bucket(uri)
    raise StartError(
        f"the stock server cannot read {uri}: use gs://, a volume (pvc://CLAIM/PATH), or "
        'serving.kind = "kserve", which copies the versions into the container'
    )
