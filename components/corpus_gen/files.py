"""The corpus folder: which file belongs to which source, on any file system that Beam knows.

In a pattern ``*`` and ``?`` stay within a folder, ``**`` crosses folders, ``**/`` is any number of folders or
none, ``[…]`` is a set.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from collections.abc import Iterator

from apache_beam.io.filesystem import BeamIOError, FileMetadata, FileSystem
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from components.config import CorpusConfig, SourceConfig
from components.corpus_gen import local_files
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
                relative_path=_printable(match.path[len(root) :]),
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


def _printable(name: str) -> str:
    """A name that is not UTF-8, as names on Linux need not be, with its other bytes as ``\\xe9``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _match(root: str, pattern: str) -> list[FileMetadata]:
    if pattern.endswith("/"):
        pattern += "*"
    # One listing of what all its forms match, and more.
    wide = pattern.replace("**/", "**")
    listed = _matching(root, wide) if "://" in root else _reachable(root, wide)
    matches = [re.compile(FileSystem.translate_pattern(form)).match for form in _forms(pattern)]
    return [file for file in listed if any(match(file.path[len(root) :]) for match in matches)]


def _forms(pattern: str) -> list[str]:
    """``**/`` stands for no folder, too, as it does elsewhere: ``a/**/*.txt`` is ``a/*.txt`` as well."""
    head, found, tail = pattern.partition("**/")
    if not found:
        return [pattern]
    rests = _forms(tail)
    some = [f"{head}**/{rest}" for rest in rests]
    return [*some, *(head + rest for rest in rests)] if not head or head.endswith("/") else some


def _matching(root: str, pattern: str) -> list[FileMetadata]:
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
    return [match for match in result.metadata_list if match.path.startswith(root)]


def _reachable(root: str, pattern: str) -> Iterator[FileMetadata]:
    """Files of the folders that the pattern reaches, on this machine, where Beam passes over links, and over
    folders that it may not list."""
    [literal] = re.findall(r"^[^*?[]*", pattern)
    folder, _, _ = literal.rpartition("/")
    depth = None if "**" in pattern else pattern.count("/", len(folder) + 1)
    return local_files.below(root + folder, depth)


def _cause(error: BaseException) -> str:
    """The innermost reason: Beam wraps those of each pattern, and of each folder within."""
    inner = next(iter((getattr(error, "exception_details", None) or {}).values()), None)
    if isinstance(inner, BaseException):
        return _cause(inner)
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def _raise_nothing_found(root: str, source: SourceConfig) -> None:
    if not _match(root, "**") and not FileSystems.exists(root):
        raise CorpusError(
            f"corpus folder {root} does not exist; create it or set corpus.path "
            "(a relative path starts at the working directory)"
        )
    if "://" not in root and os.path.isdir(root + source.pattern):  # noqa: PTH112
        raise CorpusError(
            f"corpus source {source.name!r}: {source.pattern!r} is a folder below {root}; "
            f"'{source.pattern}/*' takes its files, and '{source.pattern}/**' those of folders within, too"
        )
    raise CorpusError(
        f"corpus source {source.name!r}: no file below {root} matches {source.pattern!r}; "
        "correct the pattern ('*' stays within a folder, '**' crosses folders) or remove the source"
    )
