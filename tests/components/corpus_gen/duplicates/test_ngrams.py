import numpy as np
import pytest

from components.corpus_gen.duplicates import ngrams


def test_the_worked_example_of_words():
    assert ngrams.words("The cat's 三国") == ["the", "cat", "s", "三", "国"]


def test_white_space_punctuation_and_case_do_not_count():
    assert ngrams.words("Enter KING-Lear,\n  (aside)") == ngrams.words("enter king lear aside")


def test_words_of_code_are_its_names_and_numbers():
    assert ngrams.words("foo_bar += f(x1, 3)") == ["foo", "bar", "f", "x1", "3"]


@pytest.mark.parametrize("text", ["", " \n", "!?", "a", "三国 abc 演義", "𝔸bc ß İ ไทย a\ud800b"])
def test_there_is_one_hash_a_word(text):
    assert len(ngrams.hash_words(text)) == len(ngrams.words(text))


def test_words_have_the_same_hash_exactly_when_they_are_equal():
    text = "a b ab ba a b aa bb 三 国 三"
    hash_to_words = {}
    for word, hashed in zip(ngrams.words(text), ngrams.hash_words(text), strict=True):
        hash_to_words.setdefault(int(hashed), set()).add(word)
    assert sorted(map(list, hash_to_words.values())) == sorted([word] for word in set(text.split()))


def test_ngrams_have_the_same_hash_exactly_when_their_words_are_equal():
    text = "to be or not to be or be to not to be or"
    words = ngrams.words(text)
    hashes = ngrams.hash_ngrams(ngrams.hash_words(text), 3).tolist()
    trigrams = [tuple(words[i : i + 3]) for i in range(len(words) - 2)]
    assert len(hashes) == len(trigrams)
    assert len(set(zip(trigrams, hashes, strict=True))) == len(set(trigrams)) == len(set(hashes))


@pytest.mark.parametrize(("count", "length"), [(1, 1), (5, 5), (700, 5), (700, 50), (3000, 13)])
def test_the_hash_of_an_ngram_is_the_polynomial_of_its_units(count, length):
    units = np.random.default_rng(1).integers(0, 2**64, count, np.uint64)
    expected = []
    for start in range(count - length + 1):
        total = length
        for unit in units[start : start + length].tolist():
            total = (total * int(ngrams._BASE) + unit) % 2**64
        expected.append(total)
    np.testing.assert_array_equal(
        ngrams.hash_ngrams(units, length), ngrams._mix(np.array(expected, np.uint64))
    )


def test_ngrams_of_two_lengths_never_meet():
    units = np.zeros(3, np.uint64)
    assert not set(ngrams.hash_ngrams(units, 1)) & set(ngrams.hash_ngrams(units, 2))


def test_a_text_shorter_than_an_ngram_has_none():
    assert len(ngrams.hash_ngrams(ngrams.hash_words("two words"), 3)) == 0


def test_where_a_long_text_is_cut_for_hashing_changes_nothing(monkeypatch):
    text = "some words, 三国演義 and moreover anotherlongword " * 5
    words, hashes = ngrams.words(text), ngrams.hash_words(text)
    for size in range(1, 40):
        monkeypatch.setattr(ngrams, "_CHUNK_CHARACTERS", size)
        assert ngrams.words(text) == words
        np.testing.assert_array_equal(ngrams.hash_words(text), hashes)


def test_the_hashes_are_the_same_in_every_process():
    assert ngrams.hash_words("king lear").tolist() == [13445009058989173125, 10081612324902146851]


def test_characters_are_letters_and_digits_whatever_separates_them():
    first, second = (ngrams.hash_characters(text) for text in ("To-day, 三国!", "today 三 国"))
    np.testing.assert_array_equal(first, second)
    assert len(first) == 7
