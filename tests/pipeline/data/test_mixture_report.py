"""The data page tells what a mixture made of the sources."""

import dataclasses

import pytest

from components.mixture import Mixture, MixtureConfig
from pipeline.data import profile
from pipeline.report import data_page


@pytest.fixture
def mixed(data_outputs):
    """As if the train split had been packed with a mixture."""
    outputs = dataclasses.replace(data_outputs)
    mixture = Mixture(config=MixtureConfig(rule="shares"), weights={"prose": 1.0, "pairs": 3.0})
    report = data_outputs.packing.model_copy(update={"mixture": mixture}).with_counts([])
    outputs.__dict__["packing"] = report
    return outputs


def test_the_shares_wanted_and_realised_are_on_the_page(mixed):
    page = data_page.render("mine", "2026-01-31", mixed, profile.measure(mixed))

    section = page.partition('<section id="mixture">')[2].partition("</section>")[0]
    share = mixed.packing.shares["pairs"]
    for figure in ("75.0%", f"{share.realised:.1%}", f"{share.rows:,}", f"{share.tokens:,}", "1.00"):
        assert f'<td class="figure">{figure}</td>' in section


def test_without_a_mixture_there_is_no_such_section(data_outputs):
    page = data_page.render("mine", "2026-01-31", data_outputs, profile.measure(data_outputs))
    assert "Mixture" not in page
