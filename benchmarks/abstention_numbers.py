"""Print what abstentions tell: taken as missing, as one more class, and as evidence.

``python benchmarks/abstention_numbers.py``. Twelve annotators, six responses on each of 1500 items
of three classes, 55 to 80 % of the answers right. Annotators abstain on one item in ten of the
first two classes and more and more often on those of the third. Mean of ten draws; log loss of the
textbook posterior (``annotator_correlation=0``), since these annotators do err independently.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aggregate import Annotations, DawidSkene, HierarchicalDawidSkene, simulate_annotations

N_ITEMS, N_ANNOTATORS, N_CLASSES, DRAWS = 1500, 12, 3, 10
UNSURE = "unsure"


def main() -> None:
    """Print the table."""
    models = {"DawidSkene": DawidSkene, "Hierarchical": HierarchicalDawidSkene}
    print("Percent correct and log loss, by how often annotators abstain on the third class\n")
    head = "".join(f"{f'{name}: {how}':>27}" for name in models for how in ("missing", "evidence"))
    print(f"{'abstain':>8}{head}{'DawidSkene: a class':>27}")
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        rows = np.array([figures(share, seed, models.values()) for seed in range(DRAWS)])
        cells = "".join(f"{100 * right:19.2f}{loss:8.3f}" for right, loss in rows.mean(axis=0))
        print(f"{share:8.1f}{cells}", flush=True)


def figures(share: float, seed: int, models: Any) -> list[tuple[float, float]]:
    """Return accuracy and log loss of every model on one draw."""
    votes, truth, silent = draw(share, seed)
    label = votes.label.astype(object)
    marked, dropped = label.copy(), label.copy()
    marked[silent], dropped[silent] = UNSURE, None
    said, heard = with_labels(votes, marked), with_labels(votes, dropped)
    found = []
    for model in models:
        found.append(score(model(annotator_correlation=0).fit(heard), truth))
        found.append(score(model(abstention=UNSURE, annotator_correlation=0).fit(said), truth))
    return [*found, score(DawidSkene(annotator_correlation=0).fit(said), truth)]


def draw(share: float, seed: int) -> tuple[Annotations, np.ndarray, np.ndarray]:
    """Return votes, the truth, and which votes are abstentions."""
    random = np.random.default_rng(seed)
    right = random.uniform(0.55, 0.8, size=(N_ANNOTATORS, N_CLASSES))
    confusion = np.repeat((1 - right)[:, :, np.newaxis] / (N_CLASSES - 1), N_CLASSES, axis=2)
    confusion[:, range(N_CLASSES), range(N_CLASSES)] = right
    crowd = simulate_annotations(
        N_ITEMS, N_ANNOTATORS, N_CLASSES, labels_per_item=6, confusion=confusion,
        random_state=seed,
    )  # fmt: skip
    votes = crowd.annotations
    rate = np.where(crowd.truth == N_CLASSES - 1, share, 0.1)[votes.item]
    return votes, crowd.truth, random.random(len(rate)) < rate


def with_labels(votes: Annotations, label: np.ndarray) -> Annotations:
    """Return the votes with other labels."""
    return Annotations.from_columns(
        votes.items[votes.item], votes.annotators[votes.annotator], label,
        known_items=votes.items, known_annotators=votes.annotators,
    )  # fmt: skip


def score(model: Any, truth: np.ndarray) -> tuple[float, float]:
    """Return the share of right labels and the log loss."""
    chance = np.zeros(len(truth))
    for k in range(N_CLASSES):
        column = model.classes_.tolist().index(k)
        chance[truth == k] = model.probas_[truth == k, column]
    return float((model.labels_ == truth).mean()), float(-np.log(np.maximum(chance, 1e-15)).mean())


if __name__ == "__main__":
    main()
