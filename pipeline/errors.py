"""Failures that the command line tells in one line."""


class PipelineError(Exception):
    """Base of this package's errors: one line (or one a problem) with what, where, and what to do."""


class ConfigError(PipelineError):
    """The configuration is wrong. Whoever wrote it can mend it; a retry fails again."""


class RunInProgressError(PipelineError):
    """Another run of the same pipeline holds its folder. A retry after it has ended helps."""


class MissingInputError(PipelineError):
    """A file, a package or a pushed model is not there. The message says how to get it."""


class PortTakenError(PipelineError):
    """Another program listens where this one should. A retry with another port helps."""


class MetadataError(PipelineError):
    """ML Metadata's store does not answer, or refuses. A retry helps once the server does."""
