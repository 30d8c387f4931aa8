"""Statistics of made-up documents, by TensorFlow Data Validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pytest
import tensorflow_data_validation as tfdv


@pytest.fixture(scope="session")
def statistics_of() -> Callable[..., Any]:
    """Of documents with these languages and numbers of words."""

    def make(languages: Sequence[str], num_words: Sequence[int]) -> Any:
        frame = pd.DataFrame({"language": list(languages), "num_words": list(num_words)})
        return tfdv.generate_statistics_from_dataframe(frame, n_jobs=1)

    return make
