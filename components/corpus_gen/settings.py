"""Everything that decides which documents CorpusGen gives: one JSON text, and part of the cache's key."""

from __future__ import annotations

from components.config import CorpusConfig
from components.corpus_gen.cleaning.settings import CleaningConfig, QualityConfig
from components.corpus_gen.duplicates.settings import DecontaminationConfig, DuplicatesConfig
from models.config import Settings


class CorpusGenSettings(Settings):
    """One table of the configuration each."""

    corpus: CorpusConfig
    cleaning: CleaningConfig = CleaningConfig()
    quality: QualityConfig = QualityConfig()
    duplicates: DuplicatesConfig = DuplicatesConfig()
    decontamination: DecontaminationConfig = DecontaminationConfig()
