"""How far crowd-kit's weighted votes hang on the order of rows: python benchmarks/peer_ties.py.

Where classes tie, crowd-kit takes the one that comes first in its table, whose order is that of
the rows and of the counts. Rows and class codes are shuffled ten times; ours do not change. The
argument is the folder of the data sets, by default ``$AGGREGATE_TEST_DATA`` or
``../shared/data``.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import peer_models as peer
from peers import ROOT, SETS, load

from aggregate import Wawa, ZeroBasedSkill
from aggregate.metrics import accuracy

ORDERS = 10


def main() -> None:
    """Print mean and range over the orders, beside ours."""
    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data"
    models = {"Wawa": (Wawa(), {}), "ZeroBasedSkill": (ZeroBasedSkill(), {"n_iter": 30})}
    print(f"Percent correct; crowd-kit over {ORDERS} orders of rows and names of classes\n")
    print(f"{'':20}" + "".join(f"{name + ', ours':>22}{'least':>8}{'mean':>8}{'most':>8}"
                                for name in models))  # fmt: skip
    for name in SETS:
        crowd = load(folder / name)
        line = f"{name:20}"
        for kit, (ours, options) in models.items():
            found = [one_order(kit, options, crowd, seed) for seed in range(ORDERS)]
            mine = 100 * accuracy(ours.fit(crowd.votes).probas_, crowd.truth)
            line += f"{mine:22.2f}{min(found):8.2f}{np.mean(found):8.2f}{max(found):8.2f}"
        print(line, flush=True)


def one_order(kit: str, options: dict[str, int], crowd: peer.Crowd, seed: int) -> float:
    """Return percent correct of crowd-kit's model on shuffled rows and renamed classes."""
    random = np.random.default_rng(seed)
    code = random.permutation(crowd.votes.n_classes)
    frame = peer.frame(crowd).sample(frac=1, random_state=seed)
    frame["label"] = code[frame["label"]]
    scores = np.asarray(peer.crowdkit(kit, **options)(frame))
    return 100 * accuracy(scores[:, code], crowd.truth)


if __name__ == "__main__":
    main()
