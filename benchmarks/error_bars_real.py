"""Intervals of real annotators beside how often they were right: error_bars_real.py FOLDER.

``FOLDER`` holds one folder per data set with ``annotations.csv`` (task, worker, label) and
``truth.csv`` (task, label). *Right* is an annotator's share of right labels, for the 30 labels
with a truth and more that it takes to tell; *held* the share of those annotators whose interval
holds it. It may miss because the interval is too narrow, because annotators do better on items
that they chose, or because they share mistakes that no model sees. *Width* is the median width
of the skills' intervals, and that of the least known annotator.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import numpy as np

from aggregate import Auto, DawidSkene, HierarchicalDawidSkene, read_annotations
from aggregate.inspection import uncertainty
from aggregate.io import read_gold

SETS = ("bluebird", "rte", "dog", "face_sentiment", "product", "sentiment_polarity", "music_genre")
ENOUGH = 30
MODELS = {"DS": DawidSkene, "HDS": HierarchicalDawidSkene, "Auto": Auto}


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    print(f"{'set':20}{'annotators':>11}  model{'held':>7}{'width':>8}{'widest':>8}{'seconds':>9}")
    for name in sys.argv[2:] or SETS:
        folder = Path(sys.argv[1]) / name
        votes = read_annotations(folder / "annotations.csv")
        items, labels = read_gold(folder / "truth.csv")
        gold = dict(zip(items.tolist(), labels.tolist(), strict=True))
        truth = [gold.get(item) for item in votes.items[votes.item].tolist()]
        known = np.array([label is not None for label in truth])
        said = votes.classes[votes.label].tolist()
        right = np.array([one == other for one, other in zip(said, truth, strict=True)])
        given = np.bincount(votes.annotator[known], minlength=votes.n_annotators)
        share = np.bincount(votes.annotator[known & right], minlength=votes.n_annotators)
        enough = given >= ENOUGH
        share = share[enough] / given[enough]
        for label, make in MODELS.items():
            model = make().fit(votes)
            start = time.process_time()
            skill = uncertainty(model, votes, n_draws=0).skill
            seconds = time.process_time() - start
            held = ((skill.low[enough] <= share) & (share <= skill.high[enough])).mean()
            width = skill.high - skill.low
            print(
                f"{name:20}{enough.sum():11d}  {label:5}{held:7.0%}{np.median(width):8.2f}"
                f"{width.max():8.2f}{seconds:9.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
