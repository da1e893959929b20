"""The peers' models behind one signature, for benchmarks/peers.py.

Each ``prepare`` makes the input a peer asks for, off the clock, and each model takes that and
returns scores of shape (N, K) or class codes of shape (N,), in our order of items and classes.
What a peer refuses, breaks on or takes too long for is a result as well.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import multiprocessing
import resource
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aggregate import Annotations

Model = Callable[[Any], Any]

PEERANNOT = {
    "MajorityVoting": "majority_voting",
    "Wawa": "wawa",
    "IWMV": "iwmv",
    "DawidSkene": "dawid_skene",
    "DawidSkeneClust": "dawid_skene_clust",
    "GLAD": "glad",
}


@dataclass
class Crowd:
    """Votes, the code of each item's truth (-1: unknown), and what a classifier says."""

    name: str
    votes: Annotations
    truth: np.ndarray
    classifier: np.ndarray | None = None


def available() -> tuple[str, ...]:
    """Return the peers that are installed, imported, since that is no part of their time."""
    modules = {
        "crowd-kit": ("crowdkit.aggregation",),
        "peerannot": tuple(f"peerannot.models.aggregation.{name}" for name in PEERANNOT.values()),
        "cleanlab": ("cleanlab.multiannotator",),
        "snorkel": ("snorkel.labeling.model",),
    }
    here = []
    for name, parts in modules.items():
        if importlib.util.find_spec(parts[0].partition(".")[0]):
            for part in parts:
                importlib.import_module(part)
            here.append(name)
    return tuple(here)


# Inputs ------------------------------------------------------------------------------------


def frame(crowd: Crowd) -> Any:
    """Return crowd-kit's data frame, in codes."""
    import pandas as pd

    votes = crowd.votes
    return pd.DataFrame(
        {"task": votes.item, "worker": votes.annotator, "label": votes.label.astype(np.int64)}
    )


def answers(crowd: Crowd) -> Any:
    """Return peerannot's dictionary of dictionaries, with the numbers of workers and classes."""
    votes = crowd.votes
    table: dict[int, dict[int, int]] = {item: {} for item in range(votes.n_items)}
    triples = zip(votes.item.tolist(), votes.annotator.tolist(), votes.label.tolist(), strict=True)
    for item, who, label in triples:
        table[item][who] = label
    return {"answers": table, "n_workers": votes.n_annotators, "n_classes": votes.n_classes}


def matrix(crowd: Crowd) -> Any:
    """Return snorkel's table, -1 for missing, and the number of classes."""
    votes = crowd.votes
    table = np.full((votes.n_items, votes.n_annotators), -1)
    table[votes.item, votes.annotator] = votes.label
    return table, votes.n_classes


def wide(crowd: Crowd) -> Any:
    """Return cleanlab's table, NaN for missing, and the classifier's probabilities."""
    import pandas as pd

    table = matrix(crowd)[0].astype(float)
    table[table < 0] = np.nan
    return pd.DataFrame(table), crowd.classifier


PREPARE = {"crowd-kit": frame, "peerannot": answers, "snorkel": matrix, "cleanlab": wide}

# Models ------------------------------------------------------------------------------------


def crowdkit(name: str, **options: Any) -> Model:
    """Return one of crowd-kit's models."""

    def run(data: Any) -> Any:
        from crowdkit import aggregation as kit

        model = getattr(kit, name)(**options)
        if name in ("Wawa", "ZeroBasedSkill"):  # since scikit-learn 1.7 they are told unfitted
            _allow(name)
            model.fit(data).predict(data)
        else:
            model.fit_predict(data)
        soft = getattr(model, "probas_", None)
        soft = getattr(model, "scores_", None) if soft is None else soft
        if soft is None:
            return model.labels_.sort_index().to_numpy().astype(np.int64)
        return soft.sort_index().sort_index(axis=1).to_numpy()

    return run


def _allow(name: str) -> None:
    """Take away the check that stops two of crowd-kit's models, to see what they answer."""
    from crowdkit.aggregation.classification import wawa, zero_based_skill

    module = {"Wawa": wawa, "ZeroBasedSkill": zero_based_skill}[name]
    module.check_is_fitted = lambda *_, **__: None


def peerannot(name: str, **options: Any) -> Model:
    """Return one of peerannot's models."""

    def run(data: Any) -> Any:
        module = importlib.import_module(f"peerannot.models.aggregation.{PEERANNOT[name]}")
        folder = {"dataset": Path(tempfile.mkdtemp())} if name == "GLAD" else {}  # it writes files
        model = getattr(module, name)(**data, **folder)
        if hasattr(model, "run"):
            model.run(**options)
        soft = name in ("DawidSkene", "DawidSkeneClust", "GLAD")
        found = model.get_probas() if soft else model.get_answers()
        return np.asarray(found)

    return run


def snorkel(name: str) -> Model:
    """Return one of snorkel's models."""

    def run(data: Any) -> Any:
        from snorkel.labeling import model as kit

        table, n_classes = data
        if name == "MajorityLabelVoter":
            return kit.MajorityLabelVoter(n_classes).predict_proba(table)
        model = kit.LabelModel(n_classes, verbose=False)
        model.fit(table, seed=0, progress_bar=False)
        return model.predict_proba(table)

    return run


def cleanlab(data: Any) -> Any:
    """Run CROWDLAB."""
    from cleanlab.multiannotator import get_label_quality_multiannotator

    table, classifier = data
    found = get_label_quality_multiannotator(
        table, classifier, return_detailed_quality=False, return_annotator_stats=False,
        verbose=False,
    )  # fmt: skip
    return found["label_quality"]["consensus_label"].to_numpy().astype(np.int64)


# Measuring ---------------------------------------------------------------------------------


@dataclass
class Measured:
    """What came of a run: seconds and answer, or why there is none."""

    seconds: float
    megabytes: float = np.nan
    answer: np.ndarray | None = None
    problem: str = ""


def measure(task: Callable[[], Any], limit: float) -> Measured:
    """Run in a process of its own: least seconds of up to three runs, memory beside the input."""
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(task, send))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a fork beside sleeping threads
        process.start()
    send.close()
    found = Measured(limit, problem=f"> {limit:.0f} s")
    if receive.poll(limit):
        try:
            found = Measured(*receive.recv())
        except EOFError:
            found = Measured(np.nan, problem="died")
    process.kill()
    process.join()
    return found


def _report(task: Callable[[], Any], send: Any) -> None:
    before = _peak()
    seconds: list[float] = []
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            while len(seconds) < 3 and sum(seconds) < 0.5:
                start = time.perf_counter()
                answer = task()
                seconds.append(time.perf_counter() - start)
        answer = np.asarray(answer)
        small = answer.astype(np.int32 if answer.ndim == 1 else np.float64)
        send.send((min(seconds), (_peak() - before) / 1024, small, ""))
    except Exception as error:  # what a peer refuses or breaks on is a result, too
        last = traceback.extract_tb(error.__traceback__)[-1]
        send.send((np.nan, np.nan, None, f"{type(error).__name__} ({last.name})"))


def _peak() -> float:
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
