import math

import pytest

from components.documents import Document
from pipeline.evaluation import generation
from pipeline.evaluation.generation import GREEDY, HUMAN, SAMPLED

TEXT = "The quick brown owl jumps over the lazy dog. Pack my box with five dozen liquor jugs! "
CONTEXT = 24


def _documents():
    texts = [TEXT * 3, "Short.", TEXT.replace("owl", "hen") * 3]
    return [Document(text, "s", f"f#{number}") for number, text in enumerate(texts)]


def test_a_prompt_is_the_beginning_of_a_long_enough_document_and_what_follows_is_kept(text_tokenizer):
    prompts = generation.choose_prompts(_documents(), text_tokenizer, CONTEXT, 5)
    assert len(prompts) == 2
    for prompt in prompts:
        document = next(d for d in _documents() if d.text.startswith(prompt.text))
        assert document.text.startswith(prompt.text + prompt.continuation)
        assert len(text_tokenizer.encode(prompt.text)) == CONTEXT // 2
        assert prompt.continuation


def test_prompts_are_the_same_in_any_order_of_documents(text_tokenizer):
    one = generation.choose_prompts(_documents(), text_tokenizer, CONTEXT, 1)
    other = generation.choose_prompts(_documents()[::-1], text_tokenizer, CONTEXT, 1)
    assert one == other


def test_a_document_with_a_prompt_gives_its_own(text_tokenizer):
    document = Document("2+2=four", "s", "f#1", num_prompt_bytes=4)
    [prompt] = generation.choose_prompts([document], text_tokenizer, CONTEXT, 1)
    assert (prompt.text, prompt.continuation) == ("2+2=", "four")


@pytest.fixture(scope="module")
def qualities(loaded, text_tokenizer):
    prompts = generation.choose_prompts(_documents(), text_tokenizer, CONTEXT, 2)
    training = ["x" * 50, "A " + TEXT + "B"]
    found = generation.measure(loaded, text_tokenizer, prompts, CONTEXT // 2, training, lambda words: None)
    return {quality.way: quality for quality in found}


def test_the_documents_own_text_is_found_in_the_training_text(qualities):
    human = qualities[HUMAN]
    assert human.longest_run == max(len(sample.text) for sample in human.samples)
    for sample in human.samples:
        start, length = sample.run
        assert sample.text[start : start + length] in "A " + TEXT + "B"


def test_shares_are_of_the_texts_tokens(qualities, text_tokenizer):
    for quality in qualities.values():
        tokens = [text_tokenizer.encode(sample.text).tolist() for sample in quality.samples]
        assert quality.tokens == sum(map(len, tokens)) / 2
        assert quality.distinct[0] == len({t for text in tokens for t in text}) / sum(map(len, tokens))
        assert 0.0 <= quality.repeated <= 1.0 or math.isnan(quality.repeated)


def test_the_same_seeds_give_the_same_texts_and_greedy_ones_are_the_likeliest(
    qualities, loaded, text_tokenizer
):
    prompts = generation.choose_prompts(_documents(), text_tokenizer, CONTEXT, 2)
    sampled = generation.continue_prompts(loaded, prompts, CONTEXT // 2, 1.0)
    assert sampled == [sample.text for sample in qualities[SAMPLED].samples]
    greedy = [sample.text for sample in qualities[GREEDY].samples]
    assert generation.continue_prompts(loaded, prompts, CONTEXT // 2, 0.0) == greedy
    assert greedy != sampled


def test_without_training_text_nothing_is_said_of_runs(loaded, text_tokenizer):
    prompts = generation.choose_prompts(_documents(), text_tokenizer, CONTEXT, 1)
    for quality in generation.measure(loaded, text_tokenizer, prompts, 4, None, lambda words: None):
        assert quality.longest_run is None
        assert quality.samples[0].run is None
