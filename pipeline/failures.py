"""From an exception to the line that the user needs."""

from __future__ import annotations

import errno

from pipeline.errors import PipelineError

_STORAGE_ERRORS = (
    "AbortedError", "BeamIOError", "FailedPreconditionError", "NotFoundError", "PermissionDeniedError",
    "UnauthenticatedError", "UnavailableError", "UnknownError",
)  # fmt: skip
"""By name, as TensorFlow and Beam need not be loaded for this."""
_SCHEMES = ("gs://", "s3://")


def explain(error: BaseException) -> str | None:
    """One line for a failure that the user can mend; None for any other, which keeps its traceback."""
    from components import errors as component_errors
    from models.errors import ModelError
    from serving.errors import ServingError

    stage_error = component_errors.root_cause(error)
    if stage_error is not None:
        return str(stage_error)
    for link in _chain(error):
        if isinstance(link, (PipelineError, ModelError, ServingError)):
            return str(link)
        if isinstance(link, OSError) and link.errno == errno.ENOSPC:
            where = f" ({link.filename})" if link.filename else ""
            return f"the disk is full{where}: free some space and run again; finished stages are kept"
        if isinstance(link, PermissionError) and link.filename:
            return f"{link.filename}: no permission: check the owner and mode of this file or its folder"
        if type(link).__name__ == "ResourceExhaustedError":
            text = str(link)
            if "No space left" in text:
                return "the disk is full: free some space and run again; finished stages are kept"
            return (
                "out of memory: lower training.batch_size, packing.sequence_length or the size of the model "
                f"({text.splitlines()[0][:160]})"
            )
        if type(link).__name__ in _STORAGE_ERRORS and any(scheme in str(link) for scheme in _SCHEMES):
            said = " ".join(str(link).split())[:300]
            return (
                f"object storage: {said}: check the path, the credentials of this process, and that its "
                "network reaches there"
            )
    return None


def _chain(error: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or link.__context__
    return links
