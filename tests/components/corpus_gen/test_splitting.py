from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from components.config import CorpusConfig, SourceConfig
from components.corpus_gen import component, splitting

CORPUS = CorpusConfig(
    path="p", sources=(SourceConfig(name="s", pattern="*"),), eval_percent=20, test_percent=10
)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_split_is_the_one_that_tfx_would_choose(text: str) -> None:
    import tensorflow as tf
    from tfx.components.example_gen import base_example_gen_executor

    example = tf.train.Example()
    example.features.feature["text"].bytes_list.value.append(text.encode())
    config = component._output_config(CORPUS).split_config
    theirs = base_example_gen_executor._PartitionFn(example, 3, [70, 90, 100], config)

    assert splitting.index(text, splitting.shares(CORPUS)) == theirs


def test_the_shares_are_about_those_asked_for() -> None:
    shares = splitting.shares(CORPUS)

    found = Counter(splitting.index(f"text {number}", shares) for number in range(10_000))

    assert [round(found[split] / 1000) for split in range(3)] == [7, 2, 1]
