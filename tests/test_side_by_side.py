"""Pages side by side: how many threads each gets, and that nothing of it stays."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from vdr.encode.mini.side_by_side import side_by_side

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
@pytest.mark.parametrize(("jobs", "each"), [(2, 2), (3, 1), (4, 1), (9, 1)])
def test_the_threads_are_shared_out_and_results_keep_their_order(jobs: int, each: int) -> None:
    with side_by_side(jobs, CPU) as run:
        found = list(run(seen, range(jobs)))
    assert [(item, threads) for item, threads, _ in found] == [(item, each) for item in range(jobs)]
    assert all(name.startswith("vdr-mini") for _, _, name in found)
    assert torch.get_num_threads() == 4
    later: list[int] = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [4]


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize(("jobs", "device"), [(1, CPU), (0, CPU), (8, torch.device("cuda"))])
def test_one_job_or_a_gpu_has_all_threads(jobs: int, device: torch.device) -> None:
    with side_by_side(jobs, device) as run:
        assert list(run(seen, range(2))) == [(item, 4, threading.current_thread().name) for item in range(2)]


@pytest.mark.usefixtures("four_threads")
def test_an_error_comes_through_and_the_threads_are_as_before() -> None:
    with pytest.raises(ZeroDivisionError), side_by_side(4, CPU) as run:
        list(run(lambda item: 1 // item, range(4)))
    assert torch.get_num_threads() == 4
