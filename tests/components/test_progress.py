from __future__ import annotations

import logging

import pytest

from components import progress


def test_a_report_is_a_record_with_its_counts(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, progress.LOGGER_NAME):
        progress.report("100 % read", completed=2, total=3)

    [record] = caplog.records
    assert record.getMessage() == "100 % read"
    assert (vars(record)["completed"], vars(record)["total"]) == (2, 3)


def test_a_report_writes_nothing_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    progress.report("quiet")

    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (4096, "4.1 kB"), (999_600, "1.0 MB"), (5 * 10**13, "50.0 TB")],
)
def test_sizes_have_a_unit(num_bytes: int, text: str) -> None:
    assert progress.format_bytes(num_bytes) == text
