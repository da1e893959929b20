"""The third-party protocol for GeoCrowdNet (F) and (W), at a scale that runs in minutes.

Five annotators, one label per item by an annotator drawn at random. One of the five is near
perfect (the identity plus a hundredth of uniform noise, brought back to distributions), the other
four say anything. A public replication on CIFAR-10 reports test accuracies of 56.1 % without a
regulariser, 69.2, 68.6 and 42.4 % for (F) with λ = .0001, .001, .01, and 58.7, 62.2 and 55.2 % for
(W): (F) over (W) over none, and a λ too large destroys.

Its objective is not the coupled cross-entropy: the maps start at the identity and are free, and
the cross-entropy takes a softmax of what they return, averaged by annotator ("as replicated"). That
and the coupled cross-entropy (from confusion matrices with a diagonal of .8) are run here on
handwritten digits (8 x 8 pixels; 1 297 to train, 200 to validate, 300 to test) and on a mixture of
ten Gaussian classes (3 000, 300, 1 500), with one hidden layer of 128 units, Adam, a learning rate
of .001, weight decay .0001, batches of 128, 40 epochs.
The epoch is chosen by errors against the validation set's truth, which is what the replication
does, more or less, or (last column) by the loss of its votes, which is what one has.

    python benchmarks/geocrowdnet_protocol.py [seeds] [digits] [mixture]
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from aggregate.learning.torch import TorchCrowdClassifier
from aggregate.learning.torch.losses import CrowdLayerHead
from aggregate.learning.torch.losses.geocrowdnet_f import log_det_f
from aggregate.learning.torch.losses.geocrowdnet_w import log_det_w

K, M, GAMMA = 10, 5, 0.01
STRENGTHS = (1e-4, 1e-3, 1e-2)
PUBLISHED = {
    ("none", None): 56.1,
    ("F", 1e-4): 69.2,
    ("F", 1e-3): 68.6,
    ("F", 1e-2): 42.4,
    ("W", 1e-4): 58.7,
    ("W", 1e-3): 62.2,
    ("W", 1e-2): 55.2,
}


class AsReplicated(CrowdLayerHead):
    """Free maps from the identity, a softmax of what they return, each annotator's mean."""

    def __init__(self, sizes, *, regularizer="none", strength=0.0):
        super().__init__(sizes)
        self.regularizer, self.strength = regularizer, strength

    def data(self, batch):
        """Return the mean over annotators of each one's mean cross-entropy."""
        votes = batch.votes
        scores = self.annotators(batch.log_f.exp(), votes)
        losses = nn.functional.cross_entropy(scores, votes.label, reduction="none")
        count = torch.bincount(votes.annotator, minlength=M).clamp_min(1)
        return (losses / count[votes.annotator]).sum() / M

    def penalty(self, batch, epoch):
        """Return minus the strength times the log determinant."""
        if self.regularizer == "F":
            return -self.strength * log_det_f(batch.free_log_f)
        if self.regularizer == "W":
            return -self.strength * log_det_w(self.annotators.weight.log_softmax(dim=2))
        return 0.0


def model_for(objective, regularizer, strength, seed):
    """Return the classifier of a cell of the table."""
    options = {"loss_params": {}}
    if objective == "as replicated":
        options["loss"] = AsReplicated
        options["loss_params"] = {"regularizer": regularizer, "strength": strength or 0.0}
    else:
        names = {"none": "ccem", "F": "geocrowdnet-f", "W": "geocrowdnet-w"}
        options["loss"] = names[regularizer]
        if strength is not None:
            options["regularization"] = strength
    return TorchCrowdClassifier(
        batch_size=128,
        max_epochs=40,
        patience=40,
        crowd_lr=1e-3,
        warm_up_epochs=0,
        random_state=seed,
        **options,
    )


def confusions(rng):
    """Return four annotators who say anything, and one who knows."""
    A = np.full((M, K, K), 1 / K) + 1e-4 * np.eye(K)
    A[rng.integers(M)] = np.eye(K) + GAMMA * rng.random((K, K))
    return A / A.sum(axis=2, keepdims=True)


def mixture(rng):
    """Return items of ten Gaussian classes in twenty dimensions, some of them in doubt."""
    centre = 1.1 * rng.normal(size=(K, 20))
    truth = rng.integers(K, size=4800)
    return centre[truth] + rng.normal(size=(4800, 20)) * 1.5, truth, (3000, 300)


def digits(rng):
    """Return handwritten digits in random order."""
    X, truth = load_digits(return_X_y=True)
    order = rng.permutation(len(X))
    return X[order], truth[order], (1297, 200)


def crowd(data, seed):
    """Return parts to train, validate and test: features, votes, truth."""
    rng = np.random.default_rng(seed)
    X, truth, (n_train, n_valid) = data(rng)
    A = confusions(rng)
    who = rng.integers(M, size=len(X))
    said = (rng.random((len(X), 1)) > A[who, truth].cumsum(axis=1)).sum(axis=1).clip(max=K - 1)
    table = np.full((len(X), M), -1)
    table[np.arange(len(X)), who] = said
    cuts = [n_train, n_train + n_valid]
    return list(zip(*(np.split(part, cuts) for part in (X, table, truth)), strict=True))


CELLS = [("none", None)] + [(name, value) for name in "FW" for value in STRENGTHS]
COLUMNS = (
    ("as replicated", "truth"),
    ("coupled cross-entropy", "truth"),
    ("coupled cross-entropy", "votes"),
)


def accuracies(data, objective, seeds, judged_by):
    """Return test accuracies in per cent, shape (cells, seeds)."""
    found = np.empty((len(CELLS), len(seeds)))
    for place, seed in enumerate(seeds):
        train, valid, test = crowd(data, seed)
        judges = (valid[0], valid[2] if judged_by == "truth" else valid[1])
        for row, (regularizer, strength) in enumerate(CELLS):
            model = model_for(objective, regularizer, strength, seed)
            model.set_params(validation_metric="error" if judged_by == "truth" else "loss")
            model.fit(train[0], train[1], validation_data=judges)
            found[row, place] = 100 * model.score(test[0], test[2])
    return found


def ceiling(data, seeds):
    """Return test accuracies of the same network trained on the truth."""
    found = []
    for seed in seeds:
        train, valid, test = crowd(data, seed)
        model = model_for("coupled", "none", None, seed)
        model.fit(train[0], train[2], validation_data=(valid[0], valid[2]))
        found.append(100 * model.score(test[0], test[2]))
    return np.array(found)


def main():
    seeds = list(range(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
    chosen = sys.argv[2:] or ["digits", "mixture"]
    torch.set_num_threads(1)
    print(f"Test accuracy in per cent, mean and standard error over {len(seeds)} seeds")
    for data in (part for part in (digits, mixture) if part.__name__ in chosen):
        best = ceiling(data, seeds).mean()
        print(f"\n{data.__name__}; trained on the truth: {best:.1f}", flush=True)
        table = [accuracies(data, objective, seeds, by) for objective, by in COLUMNS]
        heads = [f"{objective}, by {by}" for objective, by in COLUMNS]
        print(f"{'λ':>10} {'CIFAR-10':>9}" + "".join(f"{name:>36}" for name in heads))
        for row, (regularizer, strength) in enumerate(CELLS):
            name = regularizer if strength is None else f"{regularizer} {strength:g}"
            known = PUBLISHED.get((regularizer, strength))
            line = f"{name:>10} {known if known else '':>9}"
            for values in table:
                error = values[row].std(ddof=1) / np.sqrt(len(seeds)) if len(seeds) > 1 else 0.0
                line += f"{values[row].mean():29.1f} ±{error:5.1f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
