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


def test_the_tokens_of_a_source_are_its_documents_whatever_the_mixture_takes(data_outputs, mixed):
    splits = {
        split: {
            name: counts.model_copy(
                update={"tokens": 7 * counts.tokens, "masked_tokens": 7 * counts.masked_tokens}
            )
            for name, counts in sources.items()
        }
        for split, sources in mixed.packing.splits.items()
    }
    mixed.__dict__["packing"] = mixed.packing.model_copy(update={"splits": splits})

    pages = [
        data_page.render("mine", "2026-01-31", outputs, profile.measure(outputs))
        for outputs in (data_outputs, mixed)
    ]

    one, other = (page.partition('<section id="sources">')[2].partition("</section>")[0] for page in pages)
    assert one == other
    assert f"{data_outputs.packing.splits['train']['pairs'].masked_tokens:,}" in one
