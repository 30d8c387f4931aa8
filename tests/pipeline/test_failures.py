import errno

import pytest
import tensorflow as tf

from components.errors import CorpusError
from models.errors import TrainingDivergedError
from pipeline.errors import ConfigError
from pipeline.failures import explain
from serving.errors import StartError


@pytest.mark.parametrize(
    "error",
    [ConfigError("a line"), CorpusError("a line"), TrainingDivergedError("a line"), StartError("a line")],
)
def test_our_own_errors_are_their_message(error):
    assert explain(error) == "a line"


def test_an_error_behind_another_is_found():
    outer = RuntimeError("executor failed")
    outer.__cause__ = TrainingDivergedError("the loss is nan")
    assert explain(outer) == "the loss is nan"


def test_an_error_that_was_being_handled_is_found():
    outer = RuntimeError("executor failed")
    outer.__context__ = ConfigError("a line")
    assert explain(outer) == "a line"


def test_errors_that_name_each_other_as_cause_come_to_an_end():
    first, second = KeyError("x"), RuntimeError("y")
    first.__cause__, second.__cause__ = second, first
    assert explain(first) is None


def test_a_file_that_may_not_be_read_is_named():
    line = explain(PermissionError(errno.EACCES, "Permission denied", "/data/a.txt"))
    assert line == "/data/a.txt: no permission: check the owner and mode of this file or its folder"


class ResourceExhaustedError(Exception):
    """As TensorFlow names it, which is not imported to tell."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/data/rows: No space left on device", "the disk is full: free some space"),
        ("OOM when allocating tensor\nmore", "out of memory: lower training.batch_size"),
    ],
)
def test_tensorflows_lack_of_room_is_the_disks_or_the_memorys(text, expected):
    line = explain(ResourceExhaustedError(text))
    assert line is not None
    assert line.startswith(expected)
    assert "\n" not in line


def test_a_full_disk_is_said_and_where():
    line = explain(OSError(errno.ENOSPC, "No space left on device", "/data/rows"))
    assert line is not None
    assert line.startswith("the disk is full (/data/rows): free some space")


@pytest.mark.parametrize("text", ["Could not resolve host\n\t when reading metadata of gs://b/x", "s3://b"])
@pytest.mark.parametrize("kind", ["FailedPreconditionError", "PermissionDeniedError"])
def test_storage_that_does_not_let_one_in_is_said_with_its_place(kind, text):
    line = explain(getattr(tf.errors, kind)(None, None, text))
    assert line is not None
    assert line.startswith(f"object storage: {' '.join(text.split())}: check the path, the credentials")


def test_a_failure_of_tensorflow_that_is_none_of_storage_keeps_its_traceback():
    assert explain(tf.errors.FailedPreconditionError(None, None, "a variable has no value")) is None


def test_what_nobody_expected_keeps_its_traceback():
    assert explain(KeyError("x")) is None
