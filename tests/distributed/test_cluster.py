"""Real workers, in processes of their own: the same answers, also when some of them die."""

from __future__ import annotations

import os
import signal
import time

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster
from sklearn.base import clone

from aggregate import DawidSkene, MajorityVote, Wawa
from aggregate.distributed import ClusterError, DaskAnnotations, _passes, pair_moments
from aggregate.moments import pair_moments as pairs_in_memory
from tests import problems
from tests.distributed.crowds import assert_same_fit, spread

# One process of pytest-xdist runs them all, on one cluster.
pytestmark = pytest.mark.xdist_group("cluster")

VOTES = problems.planted(0, n_items=600, n_annotators=12).votes
GOLD = dict.fromkeys(range(0, 600, 60), 1)
MODELS = [MajorityVote(), Wawa(), DawidSkene()]
PATIENT = {
    "distributed.comm.timeouts.connect": "5s",  # for a worker that has died, in vain
    "distributed.scheduler.allowed-failures": 3,
}


def local_cluster(n_workers, **options):
    return LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        protocol="tcp",
        dashboard_address=":0",
        silence_logs=50,
        **options,
    )


@pytest.fixture(scope="module")
def client():
    for model in MODELS:  # compiles and caches the kernels here, so that workers load them
        clone(model).fit(spread(VOTES)).probas_.compute()
    with (
        dask.config.set(PATIENT),
        local_cluster(2, memory_limit=0) as cluster,
        Client(cluster, timeout=120) as client,
    ):
        client.wait_for_workers(2, timeout=120)
        yield client


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return Parquet files whose items are text."""
    place = tmp_path_factory.mktemp("votes")
    frame = VOTES.to_frame().sample(frac=1, random_state=0)
    for part in range(3):
        frame.iloc[part::3].to_parquet(place / f"{part}.parquet")
    return place


@pytest.fixture(scope="module")
def votes(client, folder):
    return DaskAnnotations.from_parquet(folder, npartitions=5)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_two_workers_give_the_fit_in_memory(votes, model):
    wanted, found = (clone(model).fit(data, gold=GOLD) for data in (VOTES, votes))
    assert_same_fit(wanted, found, VOTES, votes)


def test_both_workers_hold_parts(client, votes):
    holders = client.who_has(list(votes._parts.graph.values()))
    assert len({worker for workers in holders.values() for worker in workers}) == 2


def test_moments(votes):
    np.testing.assert_array_equal(pair_moments(votes).counts, pairs_in_memory(VOTES).counts)


def test_workers_write_the_labels(votes, tmp_path):
    model = DawidSkene().fit(votes)
    files = votes.write_labels(model, tmp_path / "labels")
    table = pd.concat(map(pd.read_parquet, files)).set_index("item").loc[VOTES.items]
    np.testing.assert_array_equal(table["label"], DawidSkene().fit(VOTES).labels_)


def test_the_votes_of_a_dead_worker_are_made_again(client, votes, monkeypatch):
    """Between two passes, a worker is killed that holds parts of the votes."""
    deaths = []

    def kill_at_the_third(state):
        deaths.append(None)
        if len(deaths) == 3:
            (victim, *_) = client.who_has([next(iter(votes._parts.graph.values()))]).values()
            os.kill(client.run(os.getpid)[victim[0]], signal.SIGKILL)

    before_each_pass(monkeypatch, kill_at_the_third)
    assert_same_fit(DawidSkene().fit(VOTES), DawidSkene().fit(votes), VOTES, votes)
    assert len(deaths) > 3


def test_a_worker_dies_in_the_middle_of_a_pass(votes, monkeypatch, tmp_path):
    """In the third pass, the first task to run takes its worker with it, once."""
    armed, passes = tmp_path / "armed", []
    path = str(armed)

    def arm_at_the_third(state):
        passes.append(None)
        if len(passes) == 3:
            armed.touch()

    expect = _passes._expect

    def deadly(part, gold, state):
        if os.path.exists(path):
            os.unlink(path)
            os.kill(os.getpid(), signal.SIGKILL)
        return expect(part, gold, state)

    before_each_pass(monkeypatch, arm_at_the_third)
    monkeypatch.setattr(_passes, "_expect", deadly)
    assert_same_fit(DawidSkene().fit(VOTES), DawidSkene().fit(votes), VOTES, votes)
    assert not armed.exists()
    assert len(passes) > 3


def before_each_pass(monkeypatch, act):
    expect = _passes.DistributedPasses.expect

    def acting(self, state):
        act(state)
        return expect(self, state)

    monkeypatch.setattr(_passes.DistributedPasses, "expect", acting)


def test_votes_put_on_the_cluster_by_hand_may_be_lost(client):
    """A frame that exists nowhere but with its worker cannot be read again."""
    frame = VOTES.to_frame()
    future = client.scatter(frame)
    votes = DaskAnnotations.from_dask(dd.from_delayed([future], meta=frame.iloc[:0]))
    for process in client.run(os.getpid).values():
        os.kill(process, signal.SIGKILL)
    with pytest.raises(ClusterError, match=r"was lost with its worker .* read twice"):
        DawidSkene().fit(votes)


class TestMemory:
    def test_an_error_in_a_task_names_the_remedy(self, client):
        def greedy(frame):
            raise MemoryError("cannot allocate")

        frame = dd.from_pandas(VOTES.to_frame(), npartitions=2)
        greedy_frame = frame.map_partitions(greedy, meta=frame)
        with pytest.raises(ClusterError, match=r"ran out of memory when .* read the votes") as told:
            DaskAnnotations.from_dask(greedy_frame)
        assert "npartitions=, now 2" in str(told.value)

    def test_a_worker_that_is_killed_for_its_memory(self):
        """A worker of its own grows beyond its limit until its nanny kills it."""
        limit = 500 << 20

        def greedy(frame):
            held = []
            while True:  # the nanny looks every tenth of a second
                held.append(np.ones(8 << 20, dtype=np.uint8))
                time.sleep(0.01 if len(held) < 64 else 1)

        options = {
            "distributed.scheduler.allowed-failures": 0,
            "distributed.worker.memory.terminate": 0.9,
            "distributed.worker.memory.pause": False,
            "distributed.worker.memory.spill": False,
            "distributed.worker.memory.target": False,
        }
        with (
            dask.config.set(PATIENT | options),
            local_cluster(1, memory_limit=limit) as cluster,
            Client(cluster, timeout=120),
        ):
            frame = dd.from_pandas(VOTES.to_frame(), npartitions=1)
            with pytest.raises(ClusterError, match="a worker died that was to read") as told:
                DaskAnnotations.from_dask(frame.map_partitions(greedy, meta=frame), npartitions=3)
        assert "npartitions=, now 3" in str(told.value)
        assert "memory_limit=" in str(told.value)
