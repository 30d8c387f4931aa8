"""Failures of this package that a user can mend."""


class ModelError(Exception):
    """Base of this package's errors. The message is one line and says what to do; a retry with
    the same input fails again."""


class TrainingDivergedError(ModelError):
    """The loss is no longer a number, or worse than a guess. Whoever chose the training configuration can
    mend it."""


class TooFewRowsError(ModelError):
    """A split has no rows. Whoever chose the corpus or its split can mend it."""


class CheckpointError(ModelError):
    """A checkpoint is not of this model. Whoever owns the folder can remove it."""


class DevicesError(ModelError):
    """The devices or workers do not fit the configuration. Whoever started the training can mend it."""


class WarmStartError(ModelError):
    """The model to start from is gone, or does not fit. Whoever wrote the configuration can mend it."""


class PresetError(ModelError):
    """A preset cannot be had, or is not one that can be trained and served. Whoever chose it can mend it."""


def first_line(error: BaseException) -> str:
    """What an exception of a library says, short enough for a message of ours."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
