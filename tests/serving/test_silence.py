import os

import pytest

from serving.silence import libraries_silenced


@pytest.mark.parametrize(
    ("error", "shown"), [(None, ""), (ValueError, ""), (ModuleNotFoundError, "what a library says\n")]
)
def test_what_libraries_say_is_shown_when_an_import_fails_and_only_then(monkeypatch, capfd, error, shown):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")

    def speak():
        with libraries_silenced():
            os.write(2, b"what a library says\n")
            if error:
                raise error

    if error:
        with pytest.raises(error):
            speak()
    else:
        speak()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == shown + "after\n"
