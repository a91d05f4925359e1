"""What is lost when vectors are kept in few bits, or merged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy_encoder import DIM, ToyEncoder, add

from vdr import retrieve
from vdr.errors import CorpusError
from vdr.quantize import bytes_a_vector, dequantize, pack, pool, quantize, to_space, unpack
from vdr.store import Store
from vdr.types import Floats


@pytest.fixture
def vectors() -> Floats:
    random = np.random.default_rng(3)
    made = random.normal(size=(2_000, 128)) * np.linspace(2, 0.2, 128)  # some directions carry more, as in encoders
    unit: Floats = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)
    return unit


@pytest.mark.parametrize(("bits", "lost"), [(8, 7e-5), (4, 0.012), (2, 0.14), (1, 0.6)])
def test_the_error_is_that_of_the_best_levels_for_a_normal_distribution(
    vectors: Floats, bits: int, lost: float
) -> None:
    restored = dequantize(quantize(vectors, bits), bits)
    error = ((restored - vectors) ** 2).sum(axis=1).mean()
    assert 0.5 * lost < error < lost
    along = np.einsum("nd,nd->n", restored, vectors)
    np.testing.assert_allclose(along, 1, atol=2e-2 if bits == 8 else 1e-4)


@pytest.mark.parametrize(("bits", "size"), [(8, 128), (4, 64), (2, 32), (1, 16)])
def test_packing_is_undone_and_as_small_as_said(vectors: Floats, bits: int, size: int) -> None:
    quantized = quantize(vectors, bits)
    packed = pack(quantized, bits)
    assert packed.shape == (2_000, size) == (2_000, bytes_a_vector(128, bits))
    assert (unpack(packed, 128, bits) == quantized.numbers).all()


@pytest.mark.parametrize("dim", [1, 3, 20])
@pytest.mark.parametrize("bits", [4, 2, 1])
def test_dims_that_fill_no_byte(dim: int, bits: int) -> None:
    quantized = quantize(np.random.default_rng(0).normal(size=(7, dim)).astype(np.float32), bits)
    assert (unpack(pack(quantized, bits), dim, bits) == quantized.numbers).all()


@pytest.mark.parametrize("bits", [8, 4, 2, 1])
def test_a_zero_vector_stays_zero(bits: int) -> None:
    assert (dequantize(quantize(np.zeros((1, 8), np.float32), bits), bits) == 0).all()


def test_whole_numbers_are_kept_exactly_at_8_bits() -> None:
    vectors = np.array([[-1, 0, 1, 1], [2, 0, 0, -2]], np.float32)
    assert (dequantize(quantize(vectors), 8) == vectors).all()


def test_products_in_the_rotated_space_are_those_outside(vectors: Floats) -> None:
    quantized = quantize(vectors[:50], 2)
    inside = to_space(vectors[50:60], 2) @ (quantized.numbers * quantized.scales[:, None]).T
    np.testing.assert_allclose(inside, vectors[50:60] @ dequantize(quantized, 2).T, atol=1e-5)


def test_pooling_merges_the_nearest_and_keeps_a_place() -> None:
    vectors = np.array([[1, 0], [0, 1], [0.9, 0.1], [0.1, 0.9], [0.97, 0.03]], np.float32)
    means, kept = pool(vectors, 3)
    assert kept.tolist() == [1, 4]
    np.testing.assert_allclose(means, [[0.05, 0.95], [0.9567, 0.0433]], atol=1e-3)
    assert pool(vectors, 1)[1].tolist() == [0, 1, 2, 3, 4]
    assert pool(vectors[:1], 3)[1].tolist() == [0]


@pytest.mark.parametrize("bits", [4, 2, 1])
def test_a_corpus_keeps_its_bits_and_pooling(tmp_path: Path, bits: int) -> None:
    random = np.random.default_rng(4)
    pages = [random.normal(size=(40, DIM)).astype(np.float32) for _ in range(5)]
    add(Store(str(tmp_path / "c"), bits=bits, pool=2), "a.pdf", pages)
    store = Store(str(tmp_path / "c"))
    pin = store.pin("visual")
    assert pin is not None and (pin.bits, pin.pool) == (bits, 2)
    stored = store.multivector("visual", "a.pdf:3")
    assert stored is not None and stored.boxes is not None
    assert stored.vectors.shape == (20, DIM) and stored.boxes.shape == (20, 4)
    means, _ = pool(pages[2], 2)
    np.testing.assert_allclose(stored.vectors, dequantize(quantize(means, bits), bits), atol=1e-5)
    query = ToyEncoder().encode_query("1,2,3/0,1,0").vectors
    scores = retrieve.score(store, "visual", query, None, 5).exact
    assert scores["a.pdf:3"] == pytest.approx((stored.vectors @ query.T).max(axis=0).sum(), rel=1e-5)
    with pytest.raises(CorpusError, match=f"was made with bits {bits}, not 8"):
        Store(str(tmp_path / "c"), bits=8)
    with pytest.raises(CorpusError, match="bits is 3; it can be 8, 4, 2, 1"):
        Store(str(tmp_path / "d"), bits=3)


def test_a_file_uri_is_a_folder_with_a_lock(tmp_path: Path) -> None:
    add(Store((tmp_path / "a b").as_uri()), "a.pdf", [np.eye(1, DIM, dtype=np.float32)])
    assert (tmp_path / "a b" / "writer.lock").exists()
    assert list(Store(str(tmp_path / "a b")).documents()) == ["a.pdf"]


def test_an_older_layout_is_refused_in_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("vdr.vectors.LAYOUT", 1)
        add(Store(str(tmp_path / "c")), "a.pdf", [np.eye(1, DIM, dtype=np.float32)])
    with pytest.raises(CorpusError, match=r"made by another version of vdr .* Delete it and index again"):
        Store(str(tmp_path / "c"))
