"""The corpus folder: which file belongs to which source, on any file system that Beam knows.

In a pattern ``*`` and ``?`` stay within a folder, ``**`` crosses folders, ``[…]`` is a set.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re

from apache_beam.io.filesystem import BeamIOError, FileMetadata, FileSystem
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from components.config import CorpusConfig, SourceConfig
from components.errors import CorpusError


@dataclasses.dataclass(frozen=True)
class CorpusFile:
    """One file to read."""

    path: str
    relative_path: str
    """Below the corpus folder; names the file in document ids."""
    source: SourceConfig
    num_bytes: int
    modified_s: float


def list_files(corpus: CorpusConfig) -> list[CorpusFile]:
    """All files of all sources, by path; each belongs to the first source whose pattern matches it."""
    root = root_of(corpus.path)
    claimed: dict[str, CorpusFile] = {}
    for source in corpus.sources:
        matches = _match(root, source.pattern)
        own = [match for match in matches if match.path not in claimed]
        if not matches:
            _raise_nothing_found(root, source)
        if not own:
            raise CorpusError(
                f"corpus source {source.name!r}: earlier sources take all {len(matches)} files that match "
                f"{source.pattern!r}; put the narrower pattern first"
            )
        for match in own:
            claimed[match.path] = CorpusFile(
                path=match.path,
                relative_path=match.path[len(root) :],
                source=source,
                num_bytes=match.size_in_bytes,
                modified_s=match.last_updated_in_seconds,
            )
    return sorted(claimed.values(), key=lambda file: file.path)


def fingerprint(files: list[CorpusFile]) -> str:
    """Changes when a file is added, removed, renamed, resized or written again.

    Goes by name, size and time of change, as reading a large corpus to see if it changed would
    cost what the cache is there to save.
    """
    digest = hashlib.sha256()
    for file in files:
        entry = (file.source.name, file.relative_path, file.num_bytes, file.modified_s)
        digest.update(repr(entry).encode())
    return f"num_files:{len(files)},sha256:{digest.hexdigest()}"


def root_of(path: str) -> str:
    """The corpus folder with a slash at its end; absolute if it is local, as an error should show it."""
    if "://" not in path:
        path = os.path.abspath(path)  # noqa: PTH100  (paths of other file systems are text, too)
    return path.rstrip("/") + "/"


def _match(root: str, pattern: str) -> list[FileMetadata]:
    # Beam's patterns have no quoting: any character, then, in place of the folder's special ones.
    quoted = re.sub(r"[*?[]", "?", root) + pattern
    if FileSystems._pipeline_options is None:  # Outside a pipeline; the client of s3:// asks for some.
        FileSystems.set_options(PipelineOptions([]))
    try:
        [result] = FileSystems.match([quoted])
    except ValueError as error:  # No such scheme, or the package for it is not installed.
        raise CorpusError(f"corpus folder {root} cannot be listed: {error}") from error
    except BeamIOError as error:  # No such bucket, no right to look into it, no network.
        raise CorpusError(
            f"corpus folder {root} cannot be listed: {_cause(error)}: check the path, the credentials of "
            "this process, and that its network reaches there"
        ) from error
    found = [match for match in result.metadata_list if match.path.startswith(root)]
    return found if "://" in root else [*found, *_dangling_links(root, quoted)]


def _cause(error: BaseException) -> str:
    """The innermost reason: Beam wraps those of each pattern, and of each folder within."""
    inner = next(iter((getattr(error, "exception_details", None) or {}).values()), None)
    if isinstance(inner, BaseException):
        return _cause(inner)
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def _dangling_links(root: str, pattern: str) -> list[FileMetadata]:
    """Links to what is not there, and in a loop: Beam passes over them; reading will say what they are."""
    matches = re.compile(FileSystem.translate_pattern(pattern)).fullmatch
    paths = (os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names)  # noqa: PTH118
    return [
        FileMetadata(path, 0, 0.0)
        for path in paths
        if os.path.islink(path) and not os.path.exists(path) and matches(path)  # noqa: PTH110, PTH114
    ]


def _raise_nothing_found(root: str, source: SourceConfig) -> None:
    if not _match(root, "**") and not FileSystems.exists(root):
        raise CorpusError(
            f"corpus folder {root} does not exist; create it or set corpus.path "
            "(a relative path starts at the working directory)"
        )
    raise CorpusError(
        f"corpus source {source.name!r}: no file below {root} matches {source.pattern!r}; "
        "correct the pattern ('*' stays within a folder, '**' crosses folders) or remove the source"
    )
