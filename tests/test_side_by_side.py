"""Pages side by side: how many threads each gets, and that nothing of it stays."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from vdr.encode.side_by_side import side_by_side

CPU = torch.device("cpu")


@pytest.fixture
def four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def seen(item: int) -> tuple[int, int, str]:
    return item, torch.get_num_threads(), threading.current_thread().name


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize("jobs", [2, 3, 4, 9])
def test_each_item_has_a_thread_and_results_keep_their_order(jobs: int) -> None:
    found = list(side_by_side(jobs, CPU)(seen, range(jobs)))
    assert [(item, threads) for item, threads, _ in found] == [(item, 1) for item in range(jobs)]
    assert all(name.startswith("vdr-encode") for _, _, name in found)


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize(("jobs", "device"), [(1, CPU), (0, CPU), (8, torch.device("cuda"))])
def test_one_job_or_a_gpu_has_all_threads(jobs: int, device: torch.device) -> None:
    run = side_by_side(jobs, device)
    assert list(run(seen, range(2))) == [(item, 4, threading.current_thread().name) for item in range(2)]


def test_few_pages_on_many_cores_are_computed_one_by_one() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(5)
    assert side_by_side(2, CPU) is map
    torch.set_num_threads(before)


@pytest.mark.usefixtures("four_threads")
def test_other_threads_keep_theirs_while_items_are_computed() -> None:
    run = side_by_side(4, CPU)
    others: list[int] = []
    meanwhile = threading.Event()

    def other() -> None:
        others.append(torch.get_num_threads())
        meanwhile.set()

    def item(_: int) -> bool:
        return meanwhile.wait(10)

    waiting = run(item, range(4))
    thread = threading.Thread(target=other)
    thread.start()
    assert list(waiting) == [True] * 4
    assert (others, torch.get_num_threads()) == ([4], 4)


@pytest.mark.usefixtures("four_threads")
def test_an_error_comes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(4, CPU)(lambda item: 1 // item, range(4)))
