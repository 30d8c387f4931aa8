"""Hugging Face ``datasets`` and ``tokenizers``: documents to rows of one length, as its ``run_clm.py`` does.

Runs in an environment of its own with datasets, tokenizers and transformers; `packing_speed` calls it.

    python hugging_face_packing.py prepare TEXTS.jsonl FOLDER VOCABULARY_SIZE SAMPLE
    python hugging_face_packing.py pack FOLDER OUTPUT PROCESSES SEQUENCE_LENGTH

``prepare``, which is not timed, converts to Arrow files and trains a byte-level BPE tokenizer on the first
SAMPLE texts. ``pack`` prints a JSON object: seconds from opening the Arrow files to the last row on disk, the
rows, and the largest process's memory. Nothing comes from a cache.
"""

import itertools
import json
import resource
import shutil
import sys
import time

import datasets
from transformers import PreTrainedTokenizerFast


def prepare(texts, folder, vocabulary_size, sample):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    documents = datasets.load_dataset("json", data_files=texts, split="train", cache_dir=f"{folder}/cache")
    documents.save_to_disk(f"{folder}/documents")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=int(vocabulary_size),
        special_tokens=["</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents[: int(sample)]["text"], trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>").save_pretrained(
        f"{folder}/tokenizer"
    )


def pack(folder, output, processes, length):
    datasets.disable_progress_bars()
    datasets.disable_caching()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(f"{folder}/tokenizer")
    processes, length = int(processes), int(length)
    end = tokenizer.eos_token

    def tokenize(batch):
        return tokenizer([text + end for text in batch["text"]])

    def group(batch):
        joined = {name: list(itertools.chain(*lists)) for name, lists in batch.items()}
        total = len(joined["input_ids"]) // length * length
        rows = {
            name: [ids[start : start + length] for start in range(0, total, length)]
            for name, ids in joined.items()
        }
        rows["labels"] = rows["input_ids"].copy()
        return rows

    shutil.rmtree(output, ignore_errors=True)
    started = time.perf_counter()
    documents = datasets.load_from_disk(f"{folder}/documents")
    tokens = documents.map(tokenize, batched=True, num_proc=processes, remove_columns=documents.column_names)
    rows = tokens.map(group, batched=True, num_proc=processes)
    rows.save_to_disk(output)
    seconds = time.perf_counter() - started
    memory = max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(json.dumps({"seconds": seconds, "rows": len(rows), "memory_mb": memory / 1000}))


if __name__ == "__main__":
    {"prepare": prepare, "pack": pack}[sys.argv[1]](*sys.argv[2:])
