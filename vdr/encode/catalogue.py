"""Encoders worth knowing by name. A table to read; nothing looks a model up in it, and any other may be named.

Facts are those that the models' own cards, the list of models in colpali-engine's README and the sources in
`BENCHMARKS` give; what none of them says is None or "?", never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass

from vdr.types import Channel


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Where the public figures of a channel come from.

    Attributes:
        name: Of the benchmark.
        measure: What the figure is.
        source: The page that publishes it.
    """

    name: str
    measure: str
    source: str


_SOURCE = "https://sbert.net/docs/multi_vector_encoder/pretrained_models.html"

BENCHMARKS: dict[Channel, Benchmark] = {
    "visual": Benchmark("NanoViDoRe v3", "nDCG@10, mean of 8 sets of pages in English and French", _SOURCE),
    "text": Benchmark("NanoBEIR", "nDCG@10, mean of 13 sets of English passages", _SOURCE),
    "dense": Benchmark("NanoBEIR", "nDCG@10, mean of 13 sets of English passages", _SOURCE),
}
"""They are small samples of larger benchmarks: they rank models roughly, and say nothing of other documents."""


@dataclass(frozen=True, slots=True)
class Model:
    """An encoder a user may name.

    Attributes:
        channel: What it encodes.
        name: What to give as `--encoder`, `--text-encoder` or `--dense-encoder`.
        base: The model it was made from.
        parameters: How many numbers it consists of, its base included.
        dim: The length of a vector.
        patches: Image tokens of a page at most; None for text models, which make a vector a token or a window.
        licence: Of its weights.
        languages: It was trained to search.
        quality: On the channel's benchmark.
        own_code: Its repository brings Python code of its own, which runs only if the user trusts it.
        note: What else to know.
    """

    channel: Channel
    name: str
    base: str
    parameters: int | None
    dim: int | None
    licence: str
    languages: str
    patches: int | None = None
    quality: float | None = None
    own_code: bool = False
    note: str = ""


_M = 10**6

CATALOGUE: tuple[Model, ...] = (
    Model(
        "text", "minilm", "all-MiniLM-L6-v2", 22_700_000, 384, "Apache-2.0", "English",
        note="embedded: the default, no download",
    ),
    Model(
        "dense", "granite", "granite-embedding-30m-english", 30_300_000, 384, "Apache-2.0", "English",
        note="embedded: the default, no download; any bi-encoder of sentence-transformers takes its place",
    ),
    Model(
        "text", "lightonai/LateOn", "ModernBERT-base", 149 * _M, 128, "Apache-2.0", "English",
        quality=0.6868, note="long passages, 8,192 tokens",
    ),
    Model(
        "text", "lightonai/mLateOn", "mmBERT-base", 307 * _M, 128, "Apache-2.0",
        "Arabic, English, French, German, Italian, Norwegian, Portuguese, Spanish, Swedish", quality=0.6851,
        note="long passages, 8,192 tokens",
    ),
    Model(
        "text", "lightonai/GTE-ModernColBERT-v1", "gte-modernbert-base", 149 * _M, 128, "Apache-2.0", "English",
        quality=0.6720, note="long passages, 8,192 tokens",
    ),
    Model(
        "text", "answerdotai/answerai-colbert-small-v1", "BERT", 33 * _M, 96, "Apache-2.0", "English",
        quality=0.6550, note="small and good: the first step up from minilm",
    ),
    Model(
        "text", "mixedbread-ai/mxbai-edge-colbert-v0-32m", "ettin-encoder-32m", 32 * _M, 64, "Apache-2.0", "English",
        quality=0.6524, note="a sixth of minilm's bytes in the corpus",
    ),
    Model(
        "text", "mixedbread-ai/mxbai-edge-colbert-v0-17m", "ettin-encoder-17m", 17 * _M, 48, "Apache-2.0", "English",
        quality=0.6407, note="an eighth of minilm's bytes in the corpus",
    ),
    Model(
        "text", "jinaai/jina-colbert-v2", "?", 559 * _M, 128, "CC-BY-NC-4.0", "89 languages",
        quality=0.6517, own_code=True, note="long passages, 8,192 tokens; not for commercial use",
    ),
    Model(
        "text", "colbert-ir/colbertv2.0", "bert-base-uncased", 110 * _M, 128, "MIT", "English",
        quality=0.6053, note="ColBERTv2, the reference",
    ),
    Model(
        "visual", "vdr-mini", "all-MiniLM-L6-v2", 23_500_000, 384, "Apache-2.0", "English", 1_000,
        note="embedded: the default, no download; reads print, not pictures",
    ),
    Model(
        "visual", "webAI-Official/webAI-ColVec1.1-8b", "Qwen3.5-9B", 8_400 * _M, 640, "its own (LICENSE.md)",
        "multilingual", patches=1792, quality=0.6580, own_code=True,
    ),
    Model(
        "visual", "nvidia/nemotron-colembed-vl-8b-v2", "?", 8_770 * _M, 4096, "its own (LICENSE)", "?",
        quality=0.6374, own_code=True,
        note="with @refs/pr/4 until that is merged; a vector takes 32 times the bytes of one of 128 dims",
    ),
    Model(
        "visual", "athrael-soju/colqwen3.5-4.5B-v3", "Qwen3.5-4B", 4_540 * _M, 320, "Apache-2.0", "?",
        quality=0.6358, note="the best here without code of its own",
    ),
    Model(
        "visual", "perplexity-ai/pplx-embed-v2-late-0.6b", "Qwen3.5", 594 * _M, 128, "?", "?",
        quality=0.6249, note="small for its quality",
    ),
    Model(
        "visual", "TomoroAI/tomoro-colqwen3-embed-8b", "Qwen3-VL", 8_800 * _M, 320, "Apache-2.0", "multilingual",
        quality=0.6206, own_code=True,
    ),
    Model(
        "visual", "TomoroAI/tomoro-colqwen3-embed-4b", "Qwen3-VL-4B-Instruct", 4_400 * _M, 320, "Apache-2.0",
        "multilingual", quality=0.6019, own_code=True,
    ),
    Model(
        "visual", "vidore/colqwen2.5-v0.2", "Qwen2.5-VL-3B-Instruct", 3_800 * _M, 128,
        "Apache-2.0 (base: Qwen Research)", "English", patches=768, quality=0.5402,
        note="the base's licence excludes commercial use",
    ),
    Model(
        "visual", "vidore/colqwen-omni-v0.1", "Qwen2.5-Omni-3B", 4_400 * _M, 128, "MIT (base: ?)", "English",
        quality=0.5309,
    ),
    Model(
        "visual", "vidore/colpali-v1.3", "paligemma-3b-pt-448", 2_900 * _M, 128, "Gemma", "English",
        patches=1024, quality=0.4802,
    ),
    Model(
        "visual", "vidore/colpali-v1.2", "paligemma-3b-pt-448", 2_900 * _M, 128, "Gemma", "English",
        patches=1024, quality=0.4691,
    ),
    Model(
        "visual", "vidore/colqwen2-v1.0", "Qwen2-VL-2B-Instruct", 2_200 * _M, 128, "Apache-2.0", "English",
        patches=768, quality=0.4685,
    ),
    Model(
        "visual", "vidore/colSmol-500M", "SmolVLM-500M-Instruct", 507 * _M, 128, "Apache-2.0", "English",
        quality=0.3459,
    ),
    Model(
        "visual", "vidore/colSmol-256M", "SmolVLM-256M-Instruct", 256 * _M, 128, "Apache-2.0", "English",
        quality=0.2673,
    ),
    Model(
        "visual", "ModernVBERT/colmodernvbert", "ModernVBERT", 252 * _M, 128, "MIT", "English", quality=0.2632,
    ),
    Model(
        "visual", "Cognitive-Lab/ColNetraEmbed", "gemma-3-4b-it", None, None, "Gemma", "22 languages",
    ),
)  # fmt: skip
"""Text models by figure, then visual ones."""
