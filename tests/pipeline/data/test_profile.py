import re
import zlib
from xml.etree import ElementTree

import pytest

from components.corpus_gen import rejections
from components.documents import decode
from pipeline.data import profile
from pipeline.report import data_page
from pipeline.report.bars import bar, histogram

HOSTILE = ("<script>", "<img src=x", "<b>c")


@pytest.fixture(scope="module")
def measured(data_outputs):
    return profile.measure(data_outputs)


@pytest.fixture(scope="module")
def page(data_outputs, measured):
    return data_page.render("mine", "today", data_outputs, measured)


def test_what_is_measured_of_all_documents_is_what_the_stages_counted(data_outputs, measured):
    packing, corpus = data_outputs.packing, data_outputs.corpus
    assert measured.share == 1
    for name, tally in measured.by_source.items():
        rows = [packing.splits[split][name] for split in packing.splits if name in packing.splits[split]]
        # The rows have a token more for each document: its end.
        assert tally.tokens == sum(each.tokens - each.documents for each in rows)
        assert tally.documents == corpus.sources[name].documents
        assert tally.num_bytes == sum(each.num_bytes for each in rows)
    assert measured.token_counts.sum() == sum(tally.tokens for tally in measured.by_source.values())
    lengths = measured.byte_lengths
    assert {name: sum(found.values()) for name, found in lengths.items()} == {
        name: tally.documents for name, tally in measured.by_source.items()
    }
    by_language = measured.by_language.values()
    assert sum(t.num_bytes for t in by_language) == sum(t.num_bytes for t in measured.by_source.values())


def test_a_large_corpus_is_measured_in_part_by_hash(data_outputs):
    found = profile.measure(data_outputs, most_documents=60)
    records = [record for split in data_outputs.corpus.splits for record in data_outputs.documents(split)]
    chosen = [decode(record) for record in records if zlib.crc32(record) < found.share * 2**32]
    assert found.share == pytest.approx(60 / len(records))
    assert 20 < len(chosen) < 120
    assert sum(tally.documents for tally in found.by_source.values()) == len(chosen)
    assert sum(t.characters for t in found.by_source.values()) == sum(len(each.text) for each in chosen)
    assert "of the documents, chosen by hash" in data_page.render("mine", "today", data_outputs, found)


def test_lengths_are_in_ten_classes_a_decade():
    assert [profile.length_class(length) for length in (1, 10, 12, 13, 99, 100, 1000)] == [
        0, 10, 10, 11, 19, 20, 30,
    ]  # fmt: skip


def test_each_reason_has_examples_of_its_own(data_outputs, measured):
    dropped = data_outputs.corpus.dropped()
    assert set(dropped) == {"malformed:json", "duplicate:exact"}
    for reason, count in dropped.items():
        examples = measured.examples[reason]
        assert len(examples) == min(count, profile.EXAMPLES)
        assert {example.reason for example in examples} == {reason}
    assert all(isinstance(each, rejections.Rejected) for each in measured.examples["duplicate:exact"])


def test_the_page_shows_hostile_text_and_runs_none_of_it(page):
    assert page.count("<script") == 1
    assert "&lt;script&gt;alert(1)" in page
    body = page.split("</style>")[1].split("<script>")[0]
    assert not any(text in body for text in HOSTILE)
    assert not re.search(r"@import|url\(|https?://(?!www\.w3\.org/2000/svg)|<(img|link|iframe)", page)


def test_the_page_has_every_source_split_and_reason_with_its_count(page, data_outputs):
    for name, source in data_outputs.corpus.sources.items():
        section = page.split(f'class="group">{name}')[1].split("</tbody>")[0]
        splits = re.findall(r'<tr><th scope="row">(\w+)</th><td class="figure">([\d,]+)</td>', section)
        assert splits == [
            (split, f"{source.kept[split].documents:,}") for split in data_outputs.corpus.splits
        ]
    for reason, count in data_outputs.corpus.dropped().items():
        assert re.search(rf'<code>{reason}</code> <span class="quiet">{count}: pairs {count} of ', page)


def test_the_page_tells_what_was_masked_and_which_steps_changed_how_many_documents(
    data_outputs, measured, page
):
    assert 'id="cleaned"' not in page
    prose = {"masked": {"email": 1200, "phone": 3}, "changed": {"mask": 90, "line_ends": 7}}
    sources = {
        name: source.model_copy(update=prose if name == "prose" else {"changed": {"mask": 5}})
        for name, source in data_outputs.corpus.sources.items()
    }
    cleaned = type(data_outputs)(data_outputs.run_id, data_outputs.uris)
    cleaned.__dict__["corpus"] = data_outputs.corpus.model_copy(update={"sources": sources})

    text = data_page.render("mine", "today", cleaned, measured)

    section = text.partition('<section id="cleaned">')[2].partition("</section>")[0]
    figures = re.findall('<th scope="row">(.*?)</th>((?:<td class="figure">.*?</td>)+)', section)
    found = {name: re.findall(">([^<]+)</td>", cells) for name, cells in figures}
    share = f"{95 / cleaned.corpus.read:.1%}"
    assert found["mask"] == ["95", share, "prose 90, pairs 5"]
    assert found["prose"] == ["1,200", "0", "3", "0"]
    assert "pairs" not in found
    assert list(found) == ["line_ends", "mask", "prose"]


def test_a_run_that_went_no_further_than_its_documents_has_a_page(data_outputs):
    uris = {key: uri for key, uri in data_outputs.uris.items() if key[0] == "CorpusGen"}
    stopped = type(data_outputs)(data_outputs.run_id, uris)
    text = data_page.render("mine", "today", stopped, profile.measure(stopped))
    assert "documents by bytes" in text
    assert 'id="tokenizer"' not in text


def test_a_histogram_has_a_column_a_class_as_high_as_its_count():
    drawing = ElementTree.fromstring(histogram("a <b>", "bytes", {10: 4, 11: 2, 20: 1}))
    heights = [float(each.attrib["height"]) for each in drawing.findall("rect")]
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.2)
    assert heights[0] == pytest.approx(4 * heights[2], abs=0.2)
    titles = [each.find("title").text for each in drawing.findall("rect")]
    assert titles == ["10 to 12 bytes: 4", "13 to 15 bytes: 2", "100 to 125 bytes: 1"]
    assert histogram("a", "bytes", {}) == ""
    assert 'width="25.0"' in bar(0.25)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_the_page_on_a_narrow_screen(page, browser, tmp_path, scheme):
    (tmp_path / "data.html").write_text(page, encoding="utf-8")
    shown = browser.new_page(viewport={"width": 380, "height": 800}, color_scheme=scheme)
    wrong = []
    shown.on("console", lambda message: wrong.append(message.text))
    shown.on("dialog", lambda dialog: wrong.append(dialog.message))
    shown.goto((tmp_path / "data.html").as_uri())
    assert shown.evaluate("document.documentElement.scrollWidth") == 380
    assert shown.locator("svg[role=img]").count() >= 4
    assert wrong == []
    shown.close()
