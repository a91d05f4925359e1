"""Text checkpoints in the formats of the wild, loaded as a user loads them and compared with their definitions."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_text_models as tiny
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

from vdr.encode import load_text_encoder
from vdr.encode.minilm import model_folder
from vdr.encode.text import TokenEncoder, load
from vdr.encode.words import words_of
from vdr.errors import EncoderError
from vdr.types import Floats, TextEncoder

FORMATS = {
    "stanford": tiny.stanford,
    "stanford_unigram": tiny.stanford_unigram,
    "pylate": tiny.pylate,
    "native_decoder": tiny.native_decoder,
}
PLAIN = "alpha beta gamma revenue, of models delta"
LONG = " ".join(tiny.LINES * 5)


@dataclass(frozen=True)
class Case:
    """A checkpoint of a format, as vdr and as sentence-transformers load it."""

    format: str
    folder: Path
    ours: TokenEncoder
    theirs: Any


@pytest.fixture(scope="module", autouse=True)
def _exact() -> Iterator[None]:
    """Compute on the processor and in float32, so that results can be compared closely."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vdr.encode.sentence.best_device", lambda: "cpu")
        patch.setattr("vdr.encode.devices.bf16_is_faster", lambda: False)
        yield


@pytest.fixture(scope="module", params=FORMATS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _exact: None) -> Case:
    folder = FORMATS[request.param](tmp_path_factory.mktemp("formats") / request.param)
    ours = load_text_encoder(str(folder))
    assert isinstance(ours, TokenEncoder)
    return Case(request.param, folder, ours, directly(folder))


def directly(folder: Path) -> Any:
    from sentence_transformers import MultiVectorEncoder

    return MultiVectorEncoder(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})


def vectors(encoder: TextEncoder, text: str) -> Floats:
    return encoder.encode_texts([text])[0].vectors


# --- what every format has in common -----------------------------------------------------------------------


@pytest.mark.parametrize("text", [*tiny.LINES, PLAIN, "x", "  two\n\n words "])
def test_vectors_are_those_of_sentence_transformers(case: Case, text: str) -> None:
    theirs = case.theirs.encode_query([text], convert_to_numpy=True)[0]
    np.testing.assert_allclose(case.ours.encode_query(text).vectors, theirs, atol=1e-6)
    if len(case.theirs.tokenizer(text)["input_ids"]) < 56:  # it fits the document length with any prefix
        theirs = case.theirs.encode_document([text], convert_to_numpy=True)[0]
        np.testing.assert_allclose(vectors(case.ours, text), theirs, atol=1e-6)
    assert theirs.shape[1] == case.ours.dim == tiny.DIM


def test_every_vector_of_a_text_knows_its_word(case: Case) -> None:
    document = case.ours.encode_texts([PLAIN])[0]
    assert document.words is not None
    output = case.theirs.encode_document([PLAIN], output_value=None)[0]
    tokens = case.theirs.tokenizer.convert_ids_to_tokens(output["input_ids"][output["attention_mask"].bool()])
    pieces: dict[int, str] = {}
    for token, word in zip(tokens, document.words.tolist(), strict=True):
        pieces[word] = pieces.get(word, "") + token.removeprefix("##").strip("Ġ▁")
    del pieces[-1]
    skips = case.format in ("stanford", "pylate")
    assert pieces == dict(enumerate((PLAIN.replace(",", "") if skips else PLAIN).split()))


def test_every_vector_of_a_query_knows_its_word(case: Case) -> None:
    query = case.ours.encode_query("alpha beta, gamma")
    output = case.theirs.encode_query(["alpha beta, gamma"], output_value=None)[0]
    assert len(query.token_of) == output["attention_mask"].sum()
    tokens = case.theirs.tokenizer.convert_ids_to_tokens(output["input_ids"])
    pieces = ["", "", ""]
    for token, word in zip(tokens, query.token_of.tolist(), strict=True):
        if word >= 0:
            pieces[word] += token.removeprefix("##").strip("Ġ▁")
    assert pieces == ["alpha", "beta,", "gamma"]
    assert query.tokens == ("alpha", "beta,", "gamma")


def test_nothing_of_a_long_text_is_lost_or_doubled(case: Case) -> None:
    document = case.ours.encode_texts([LONG])[0]
    assert document.words is not None
    prompt = case.theirs.prompts["document"]
    tokens = case.theirs.tokenizer(prompt + LONG, return_offsets_mapping=True, verbose=False)
    skipped = case.theirs.tokenizer.convert_tokens_to_ids(case.theirs[2].skiplist_words)
    ends = [
        end - len(prompt) - 1
        for (start, end), token in zip(tokens["offset_mapping"], tokens["input_ids"], strict=True)
        if token not in skipped and end > len(prompt) and (prompt + LONG)[start:end].strip()
    ]
    words = words_of(LONG, ends)
    assert document.words[document.words >= 0].tolist() == words.tolist()
    assert case.ours._length == 60 < len(words)


def test_a_long_text_starts_as_the_model_reads_it(case: Case) -> None:
    first = case.theirs.encode_document([LONG], convert_to_numpy=True)[0]
    np.testing.assert_allclose(vectors(case.ours, LONG)[:3], first[:3], atol=0.35)  # but for where it is cut
    assert case.ours.encode_texts([LONG])[0].vectors.shape[0] > len(first)


def test_a_word_longer_than_the_model_is_read_in_pieces(case: Case) -> None:
    text = "alpha " + "similarity" * 60 + " delta"
    document = case.ours.encode_texts([text])[0]
    assert document.words is not None
    assert set(document.words.tolist()) == {-1, 0, 1, 2}
    if case.format != "stanford":  # its tokenizer gives up on such words
        assert (document.words == 1).sum() >= 60


def test_batch_and_order_change_nothing(case: Case) -> None:
    texts = [LONG, "alpha", "", PLAIN, tiny.LINES[2] * 3]
    together = case.ours.encode_texts(texts)
    backwards = case.ours.encode_texts(texts[::-1])[::-1]
    for text, one, other in zip(texts, together, backwards, strict=True):
        alone = case.ours.encode_texts([text])[0]
        for each in (one, other):
            np.testing.assert_allclose(each.vectors, alone.vectors, atol=1e-5)
            np.testing.assert_array_equal(each.words, alone.words)
    assert together[2].vectors.shape == (0, tiny.DIM)
    assert case.ours.encode_texts([]) == []


def test_a_query_that_is_too_long_is_told(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    longest = {"native_decoder": 24}.get(case.format, 32)
    caplog.set_level(logging.WARNING, "vdr")
    text = " ".join(["alpha"] * 50)
    query = case.ours.encode_query(text)
    assert len(query.vectors) == longest
    seen = case.theirs.tokenizer.decode(case.theirs.encode_query([text], output_value=None)[0]["input_ids"])
    read = int(query.token_of.max()) + 1
    assert read - seen.count("alpha") in (0, 1)  # the last one may be read in part
    assert f"takes a query of {longest} tokens" in caplog.text
    assert f"of its 50 words it reads the first {read}" in caplog.text
    caplog.clear()
    assert case.ours.encode_query(" ".join(["alpha"] * 2)).token_of.max() == 1
    assert not caplog.records


# --- what each format says ---------------------------------------------------------------------------------


def test_stanford_by_its_definition(tmp_path: Path) -> None:
    """Khattab & Zaharia: [CLS] [Q] tokens [SEP] [MASK]..., unattended masks; documents without punctuation."""
    folder = tiny.stanford(tmp_path / "colbert")
    encoder = load_text_encoder(str(folder))
    tokenizer, bert = AutoTokenizer.from_pretrained(model_folder()), _backbone(folder)
    linear = load_file(folder / "model.safetensors")["linear.weight"]
    content = tokenizer("alpha beta, gamma", add_special_tokens=False)["input_ids"]
    query = [101, 1, *content, 102]
    ids = torch.tensor([query + [103] * (32 - len(query))])
    mask = (torch.arange(32) < len(query)).long()[None]
    expected = _unit(bert(input_ids=ids, attention_mask=mask).last_hidden_state[0] @ linear.T)
    np.testing.assert_allclose(encoder.encode_query("alpha beta, gamma").vectors, expected, atol=1e-5)
    document = torch.tensor([[101, 2, *content, 102]])
    expected = _unit(bert(input_ids=document).last_hidden_state[0] @ linear.T)
    comma = tokenizer.convert_tokens_to_ids(",")
    np.testing.assert_allclose(
        vectors(encoder, "alpha beta, gamma"), expected[(document[0] != comma).numpy()], atol=1e-5
    )


def test_stanford_settings(tmp_path: Path) -> None:
    folder = tiny.stanford(tmp_path / "colbert", query_maxlen=20, doc_maxlen=100, mask_punctuation=False)
    encoder = load(str(folder))
    assert len(encoder.encode_query("alpha").vectors) == 20
    assert encoder._length == 100
    assert len(vectors(encoder, "a, b.")) == 7  # [CLS] [D] a , b . [SEP]


def test_pylate_by_its_definition(tmp_path: Path) -> None:
    """PyLate puts the prefix in as one token behind [CLS], expands the query and leaves out the skiplist."""
    folder = tiny.pylate(tmp_path / "colbert")
    encoder = load_text_encoder(str(folder))
    tokenizer, bert = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    linear = load_file(folder / "1_Dense" / "model.safetensors")["linear.weight"]
    content = tokenizer("alpha beta, gamma", add_special_tokens=False)["input_ids"]
    q, d, comma = tokenizer.convert_tokens_to_ids(["[Q] ", "[D] ", ","])
    query = [tokenizer.cls_token_id, q, *content, tokenizer.sep_token_id]
    ids = torch.tensor([query + [tokenizer.mask_token_id] * (32 - len(query))])
    mask = (torch.arange(32) < len(query)).long()[None]
    expected = _unit(bert(input_ids=ids, attention_mask=mask).last_hidden_state[0] @ linear.T)
    np.testing.assert_allclose(encoder.encode_query("alpha beta, gamma").vectors, expected, atol=1e-5)
    document = torch.tensor([[tokenizer.cls_token_id, d, *content, tokenizer.sep_token_id]])
    expected = _unit(bert(input_ids=document).last_hidden_state[0] @ linear.T)
    np.testing.assert_allclose(
        vectors(encoder, "alpha beta, gamma"), expected[(document[0] != comma).numpy()], atol=1e-5
    )


def test_pylate_settings(tmp_path: Path) -> None:
    folder = tiny.pylate(
        tmp_path / "colbert", do_query_expansion=False, query_length=12, document_length=80, skiplist_words=["alpha"]
    )
    encoder = load(str(folder))
    assert len(encoder.encode_query("alpha beta").vectors) == 5  # [CLS] [Q] alpha beta [SEP]
    assert len(encoder.encode_query("alpha " * 50).vectors) == 12
    assert encoder._length == 80
    assert len(vectors(encoder, "alpha beta,")) == 5  # [CLS] [D] beta , [SEP]


def test_early_pylate_did_not_say_its_name(tmp_path: Path) -> None:
    folder = tiny.pylate(tmp_path / "colbert")
    named = load_text_encoder(str(folder))
    config = json.loads((folder / "config_sentence_transformers.json").read_text())
    del config["model_type"]
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config))
    unnamed = load_text_encoder(str(folder))
    np.testing.assert_array_equal(vectors(unnamed, PLAIN), vectors(named, PLAIN))
    np.testing.assert_array_equal(unnamed.encode_query(PLAIN).vectors, named.encode_query(PLAIN).vectors)


def test_native_by_its_definition(tmp_path: Path) -> None:
    folder = tiny.native_decoder(tmp_path / "colbert")
    encoder = load_text_encoder(str(folder))
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    linear = load_file(folder / "1_Dense" / "model.safetensors")["linear.weight"]
    for prompt, made in (
        ("query: ", encoder.encode_query("alpha beta").vectors),
        ("passage:", vectors(encoder, "alpha beta")),
    ):
        ids = torch.tensor([tokenizer(f"{prompt}alpha beta")["input_ids"]])
        np.testing.assert_allclose(made, _unit(model(input_ids=ids).last_hidden_state[0] @ linear.T), atol=1e-5)


def test_weights_in_half_precision_are_computed_as_the_device_likes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny.pylate(tmp_path / "colbert", torch.bfloat16)
    exact = load(str(folder))
    assert {parameter.dtype for parameter in exact._model.parameters()} == {torch.float32}
    monkeypatch.setattr("vdr.encode.devices.bf16_is_faster", lambda: True)
    fast = load(str(folder))
    assert {parameter.dtype for parameter in fast._model.parameters()} == {torch.bfloat16}
    one, other = vectors(exact, LONG), vectors(fast, LONG)
    assert other.dtype == np.float32
    assert (one * other).sum(axis=1).min() > 0.97


# --- what is refused ---------------------------------------------------------------------------------------


def test_a_model_without_a_trained_projection_is_refused(tmp_path: Path) -> None:
    backbone = tiny.stanford(tmp_path / "bert")
    config = json.loads((backbone / "config.json").read_text())
    (backbone / "config.json").write_text(json.dumps({**config, "architectures": ["BertModel"]}))
    for folder in (backbone, model_folder()):
        with pytest.raises(EncoderError, match="nothing in its folder says that it is one"):
            load_text_encoder(str(folder))


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    folder = tiny.pylate(tmp_path / "colbert")
    (folder / "1_Dense" / "model.safetensors").unlink()
    with pytest.raises(EncoderError, match="colbert cannot be loaded as a late-interaction model: "):
        load_text_encoder(str(folder))


def test_weights_are_never_made_up(tmp_path: Path) -> None:
    folder = tiny.stanford(tmp_path / "colbert")
    weights = load_file(folder / "model.safetensors")
    pooled = {name: tensor for name, tensor in weights.items() if "pooler" not in name}
    save_file(pooled, folder / "model.safetensors")
    assert load_text_encoder(str(folder)).dim == tiny.DIM
    save_file(
        {name: tensor for name, tensor in pooled.items() if "layer.1.output.dense" not in name},
        folder / "model.safetensors",
    )
    with pytest.raises(EncoderError, match="lacks 2 of its model's weights, as encoder"):
        load_text_encoder(str(folder))


def test_a_checkpoint_that_pools_is_refused(tmp_path: Path) -> None:
    from sentence_transformers.multi_vector_encoder.modules import HierarchicalTokenPooling

    model = directly(tiny.pylate(tmp_path / "colbert"))
    model.append(HierarchicalTokenPooling())
    model.save_pretrained(str(tmp_path / "pooled"))
    with pytest.raises(EncoderError, match="pooled pools the vectors of its tokens"):
        load_text_encoder(str(tmp_path / "pooled"))


# --- code in checkpoints -----------------------------------------------------------------------------------


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the copies of code that transformers makes out of the user's cache."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.delenv("VDR_TRUST_REMOTE_CODE", raising=False)


@pytest.mark.usefixtures("modules")
def test_code_in_a_checkpoint_does_not_run_unasked(tmp_path: Path) -> None:
    folder = tiny.with_code(tmp_path / "colbert", tmp_path / "marker")
    with pytest.raises(EncoderError) as caught:
        load_text_encoder(str(folder))
    assert "modeling_own.OwnConfig, modeling_own.OwnModel" in str(caught.value)
    assert "set VDR_TRUST_REMOTE_CODE=1" in str(caught.value)
    with pytest.raises(EncoderError, match="VDR_TRUST_REMOTE_CODE"):
        load(str(folder), trust_remote_code=False)
    assert not (tmp_path / "marker").exists()


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize("by", ["variable", "keyword"])
def test_code_in_a_checkpoint_runs_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, by: str
) -> None:
    folder = tiny.with_code(tmp_path / "colbert", tmp_path / "marker")
    caplog.set_level(logging.WARNING, "vdr")
    if by == "variable":
        monkeypatch.setenv("VDR_TRUST_REMOTE_CODE", "1")
        encoder = load_text_encoder(str(folder))
    else:
        encoder = load(str(folder), trust_remote_code=True)
    assert (tmp_path / "marker").exists()
    assert "runs program code that it brings along (modeling_own.OwnConfig, modeling_own.OwnModel)" in caplog.text
    plain = load_text_encoder(str(tiny.stanford(tmp_path / "plain")))
    np.testing.assert_allclose(vectors(encoder, PLAIN), vectors(plain, PLAIN), atol=1e-6)


@pytest.mark.parametrize("where", ["config.json", "tokenizer_config.json", "modules.json"])
def test_code_is_seen_wherever_a_checkpoint_names_it(tmp_path: Path, where: str) -> None:
    folder = tiny.pylate(tmp_path / "colbert")
    content = json.loads((folder / where).read_text())
    if where == "modules.json":
        content[1]["type"] = "own.Projection"
    else:
        content["auto_map"] = {"AutoTokenizer": ["own.Projection", None]}
    (folder / where).write_text(json.dumps(content))
    with pytest.raises(EncoderError, match=r"brings program code of its own \(own.Projection\)"):
        load_text_encoder(str(folder))


def _backbone(folder: Path) -> Any:
    """The BERT in a Stanford checkpoint."""
    config = json.loads((folder / "config.json").read_text())
    weights = load_file(folder / "model.safetensors")
    bert = BertModel(BertConfig(**config))
    bert.load_state_dict({name[5:]: tensor for name, tensor in weights.items() if name.startswith("bert.")})
    return bert.eval()


def _unit(states: torch.Tensor) -> Floats:
    unit: Floats = torch.nn.functional.normalize(states, dim=-1).detach().numpy()
    return unit
