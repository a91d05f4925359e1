"""Tiny random text late-interaction checkpoints, with the files that the published ones of each format have.

Every one has two layers, vectors of 16 numbers and a tokenizer of the kind its family has, trained on a few lines.
"""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from vdr.encode.minilm import model_folder

LINES = [
    "What similarity laws must be obeyed, when constructing aeroelastic models of naïve café-owners?",
    "The net revenue of the second quarter was 1,234.5 million euros; it rose by 7 %.",
    "Größere Flugzeuge brauchen längere Landebahnen. 東京の天気は晴れです。",
    "alpha beta gamma delta",
]
DIM = 16
_SHAPE: dict[str, Any] = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
_PYLATE: dict[str, Any] = {
    "model_type": "ColBERT",
    "__version__": {"sentence_transformers": "5.1.1", "transformers": "4.57.3", "pytorch": "2.9.0+cu128"},
    "prompts": {"query": "", "document": ""},
    "default_prompt_name": None,
    "similarity_fn_name": "MaxSim",
    "query_prefix": "[Q] ",
    "document_prefix": "[D] ",
    "query_length": 32,
    "document_length": 60,
    "attend_to_expansion_tokens": False,
    "skiplist_words": list(string.punctuation),
    "do_query_expansion": True,
}


def stanford(folder: Path, **metadata: Any) -> Path:
    """Save like colbert-ir/colbertv2.0: a BERT under `bert.`, `linear.weight` beside it, and `artifact.metadata`."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    tokenizer = AutoTokenizer.from_pretrained(model_folder())
    _seeded(lambda: BertModel(BertConfig(vocab_size=len(tokenizer), **_SHAPE))).save_pretrained(folder)
    _own_linear(folder, "bert.")
    tokenizer.save_pretrained(folder)
    defaults = {"query_token_id": "[unused0]", "doc_token_id": "[unused1]", "query_maxlen": 32, "doc_maxlen": 60}
    (folder / "artifact.metadata").write_text(
        json.dumps({**defaults, "attend_to_mask_tokens": False, "mask_punctuation": True, "dim": DIM, **metadata})
    )
    return folder


def stanford_unigram(folder: Path) -> Path:
    """Save like jinaai/jina-colbert-v2 without its code: an XLM-RoBERTa with a sentencepiece tokenizer."""
    from tokenizers import AddedToken
    from transformers import XLMRobertaConfig, XLMRobertaModel

    tokenizer = _unigram()
    tokenizer.add_tokens([AddedToken(f"[{side}Marker]", normalized=False) for side in ("Query", "Document")])
    config = XLMRobertaConfig(vocab_size=len(tokenizer), pad_token_id=1, max_position_embeddings=514, **_SHAPE)
    _seeded(lambda: XLMRobertaModel(config)).save_pretrained(folder)
    _own_linear(folder, "roberta.")
    tokenizer.save_pretrained(folder)
    metadata = {"query_token_id": "[QueryMarker]", "doc_token_id": "[DocumentMarker]", "query_maxlen": 32}
    (folder / "artifact.metadata").write_text(
        json.dumps({**metadata, "doc_maxlen": 60, "attend_to_mask_tokens": True, "mask_punctuation": False})
    )
    return folder


def pylate(folder: Path, dtype: torch.dtype = torch.float32, **config: Any) -> Path:
    """Save like lightonai/GTE-ModernColBERT-v1: a ModernBERT, a `pylate.models.Dense.Dense`, prefixes as tokens."""
    from tokenizers import AddedToken
    from transformers import ModernBertConfig, ModernBertModel

    tokenizer = _byte_level("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", bert=True)
    tokenizer.add_tokens([AddedToken("[Q] "), AddedToken("[D] ")])
    ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "cls", "sep", "bos", "eos")}
    shape = ModernBertConfig(vocab_size=len(tokenizer), max_position_embeddings=512, **_SHAPE, **ids)
    _seeded(lambda: ModernBertModel(shape)).to(dtype).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    _write(folder, "config_sentence_transformers.json", {**_PYLATE, **config})
    _write(folder, "sentence_bert_config.json", {"max_seq_length": 59, "do_lower_case": False})
    _write(folder, "modules.json", _modules("sentence_transformers.models.Transformer", "pylate.models.Dense.Dense"))
    activation = "torch.nn.modules.linear.Identity"
    dense = {"in_features": 24, "out_features": DIM, "bias": False, "activation_function": activation}
    _write(folder / "1_Dense", "config.json", {**dense, "use_residual": False})
    save_file({"linear.weight": _seeded(lambda: torch.randn(DIM, 24))}, folder / "1_Dense" / "model.safetensors")
    return folder


def native_decoder(folder: Path) -> Path:
    """Save a Qwen3, which pads on the left, in sentence-transformers' own format, with prompts of plain words."""
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
    from transformers import Qwen3Config, Qwen3Model

    tokenizer = _byte_level("<|endoftext|>", "<|im_start|>", "<|im_end|>", bert=False)
    tokenizer.pad_token, tokenizer.padding_side = "<|endoftext|>", "left"
    config = Qwen3Config(vocab_size=len(tokenizer), num_key_value_heads=1, head_dim=12, **_SHAPE)
    backbone = folder.with_name(folder.name + "-backbone")
    _seeded(lambda: Qwen3Model(config)).save_pretrained(backbone)
    tokenizer.save_pretrained(backbone)
    parts = [
        Transformer(str(backbone), query_length=24, document_length=60),
        _seeded(lambda: Dense(24, DIM, bias=False, activation_function=None, module_input_name="token_embeddings")),
        MultiVectorMask(),
        Normalize("token_embeddings"),
    ]
    prompts = {"query": "query: ", "document": "passage:"}
    MultiVectorEncoder(modules=parts, prompts=prompts).save_pretrained(str(folder))
    return folder


def with_code(folder: Path, marker: Path) -> Path:
    """Save a Stanford checkpoint whose model is a class of its own, in a file that makes `marker` when it is run."""
    stanford(folder)
    (folder / "modeling_own.py").write_text(
        "from pathlib import Path\n"
        "from transformers import BertConfig, BertModel\n"
        f"Path({str(marker)!r}).touch()\n"
        "class OwnConfig(BertConfig): model_type = 'own'\n"
        "class OwnModel(BertModel): config_class = OwnConfig\n"
    )
    config = json.loads((folder / "config.json").read_text())
    auto_map = {"AutoConfig": "modeling_own.OwnConfig", "AutoModel": "modeling_own.OwnModel"}
    _write(folder, "config.json", {**config, "model_type": "own", "auto_map": auto_map})
    return folder


def _seeded(make: Any) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make()


def _own_linear(folder: Path, prefix: str) -> None:
    """Turn a saved backbone into Stanford's class, whose weights it is a part of."""
    weights = {prefix + name: tensor for name, tensor in load_file(folder / "model.safetensors").items()}
    weights["linear.weight"] = _seeded(lambda: torch.randn(DIM, _SHAPE["hidden_size"]))
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    _write(folder, "config.json", {**config, "architectures": ["HF_ColBERT"]})


def _modules(*types: str) -> list[dict[str, Any]]:
    return [
        {"idx": at, "name": str(at), "path": f"{at}_{kind.split('.')[-1]}" if at else "", "type": kind}
        for at, kind in enumerate(types)
    ]


def _write(folder: Path, name: str, content: Any) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(content))


def _unigram() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.UnigramTrainer(vocab_size=150, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(LINES * 4, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    named = dict(zip(("cls_token", "pad_token", "sep_token", "unk_token", "mask_token"), special, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named)


def _byte_level(*special: str, bert: bool) -> Any:
    """Return a byte-level BPE tokenizer, for BERT's use with [CLS] before and [SEP] behind a text."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=list(special),
        show_progress=False,
    )
    tokenizer.train_from_iterator(LINES * 4, trainer)
    if not bert:
        return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=special[0])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    named = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "cls", "sep", "pad", "mask")}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="[CLS]", eos_token="[SEP]", **named)
