"""Tokenizers of a few hundred tokens, of the two kinds that the models have."""

from __future__ import annotations

import json
from typing import Any

SENTENCE = "what is the net revenue of the second quarter"
"""Each of these words is one token of the tiny tokenizers; other words are cut into pieces."""


def byte_level_bpe(special: tuple[str, ...]) -> tuple[dict[str, int], list[Any]]:
    """Return the vocabulary and merges of a tokenizer that knows all bytes and the words of `SENTENCE`."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=list(special),
        show_progress=False,
    )
    tokenizer.train_from_iterator([SENTENCE, f" {SENTENCE}"] * 2, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [(left, right) for left, right in model["merges"]]


def char_level_bpe(special: tuple[str, ...]) -> tuple[dict[str, int], list[Any]]:
    """Return the vocabulary and merges of a tokenizer like Gemma's: a space is "▁", unknown letters are bytes."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    alphabet = [chr(code) for code in range(32, 127)] + ["\n", "▁"]
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        initial_alphabet=alphabet,
        special_tokens=[*special, *(f"<0x{byte:02X}>" for byte in range(256))],
        show_progress=False,
    )
    tokenizer.train_from_iterator([SENTENCE, f" {SENTENCE}", "Query: Question: "] * 2, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [(left, right) for left, right in model["merges"]]
