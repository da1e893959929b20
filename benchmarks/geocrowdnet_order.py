"""Whether GeoCrowdNet (F) beats (W) beats none where networks start with most classes unused.

The crowd is that of ``geocrowdnet_protocol.py``: five annotators, one label per item, one near
perfect, four who say anything; there, on easy data with a small network, none, (W) and (F) could
not be told apart. Here a class is twelve of 120 clusters that lie at random in twelve dimensions,
so nothing linear tells the classes, and the network has four hidden layers of 128 units without
batch normalisation. At first it hardly uses most of the ten classes: F'F is nearly singular, and
(F) has a large gradient there. Beside it the same data for two hidden layers with batch
normalisation, whose classes are all in use from the start.

6 400 items train, 500 choose the epoch by their truth (every second epoch is looked at), 2 000
test. Adam, rate .001 for networks and annotators, weight decay .0001, batches of 128, 60 epochs,
no early stop. The seven cells of a seed share start and batches and are trained side by side.

    python benchmarks/geocrowdnet_order.py [seeds] [first seed]
"""

from __future__ import annotations

import sys
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
import torch
from geocrowdnet_protocol import CELLS, PUBLISHED, confusions, crowd
from torch import nn

from aggregate.learning.torch.losses.geocrowdnet_f import log_det_f
from aggregate.learning.torch.losses.geocrowdnet_w import log_det_w

K, M, D, CLUSTERS = 10, 5, 12, 12
EPOCHS, BATCH, HIDDEN, RARE, EARLY = 60, 128, 128, 0.01, 1
COLUMNS = (
    ("as replicated, deep", "replicated", 4, False),
    ("coupled, deep", "coupled", 4, False),
    ("as replicated, shallow", "replicated", 2, True),
)


def clusters(rng):
    """Return items of ten classes, each of twelve clusters anywhere."""
    centre = rng.normal(size=(K // 2, 2, CLUSTERS, D)).reshape(K, CLUSTERS, D)
    truth = rng.integers(K, size=8900)
    X = centre[truth, rng.integers(CLUSTERS, size=8900)] + 0.5 * rng.normal(size=(8900, D))
    return X.astype(np.float32), truth, (6400, 500)


class Networks(nn.Module):
    """So many equal networks side by side, every product of matrices done for all at once."""

    def __init__(self, n_networks, depth, *, normalise):
        super().__init__()
        widths = [D] + [HIDDEN] * depth + [K]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for into, out in pairwise(widths):
            one = nn.Linear(into, out)
            self.weights.append(one.weight.detach().T.repeat(n_networks, 1, 1))
            self.biases.append(one.bias.detach().repeat(n_networks, 1, 1))
        # A batch norm over all units of all networks is one for each of them.
        self.norms = nn.ModuleList(
            nn.BatchNorm1d(n_networks * HIDDEN) for _ in range(depth if normalise else 0)
        )

    def forward(self, x):
        """Return log probabilities, shape (networks, items, K)."""
        h = x.expand(len(self.weights[0]), *x.shape)
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = torch.baddbmm(bias, h, weight)
            if layer == len(self.weights) - 1:
                return h.log_softmax(dim=2)
            if self.norms:
                flat = self.norms[layer](h.transpose(0, 1).flatten(1))
                h = flat.unflatten(1, (-1, HIDDEN)).transpose(0, 1)
            h = h.relu()
        raise AssertionError("a network has an output layer")


def replicated(log_f, maps, who, said):
    """Return the sum over networks of the mean over annotators of each one's cross-entropy."""
    scores = torch.einsum("ebk,ebkc->ebc", log_f.exp(), maps[:, who]).log_softmax(dim=2)
    loss = -scores[:, torch.arange(len(said)), said]
    return (loss / torch.bincount(who, minlength=M).clamp_min(1)[who]).sum() / M


def coupled(log_f, maps, who, said):
    """Return the sum over networks of the coupled cross-entropy."""
    answer = maps.log_softmax(dim=3)[:, who, :, said].transpose(0, 1)
    return -(log_f + answer).logsumexp(dim=2).mean(dim=1).sum()


def plain(log_f, maps, who, said):
    """Return the sum over networks of the cross-entropy with labels taken as the truth."""
    return -log_f[:, torch.arange(len(said)), said].mean(dim=1).sum()


OBJECTIVES = {"replicated": replicated, "coupled": coupled, "plain": plain}


def penalty(log_f, maps, cells):
    """Return the sum over networks of minus λ log det."""
    total = 0.0
    for place, (regularizer, strength) in enumerate(cells):
        if regularizer == "F":
            total = total - strength * log_det_f(log_f[place])
        elif regularizer == "W":
            total = total - strength * log_det_w(maps[place].log_softmax(dim=2))
    return total


class Crowd(NamedTuple):
    """A seed's data as tensors; features standardised by those that train."""

    x: torch.Tensor
    who: torch.Tensor
    said: torch.Tensor
    valid: tuple[torch.Tensor, torch.Tensor]
    test: tuple[torch.Tensor, torch.Tensor]
    confusion: torch.Tensor


def read(seed, data=clusters):
    """Return a seed's data."""
    rng = np.random.default_rng(seed)
    data(rng)
    A = torch.as_tensor(confusions(rng))
    train, valid, test = crowd(data, seed)
    mean, scale = train[0].mean(axis=0), train[0].std(axis=0)
    x, x_valid, x_test = (torch.as_tensor((p[0] - mean) / scale) for p in (train, valid, test))
    who = torch.as_tensor((train[1] >= 0).argmax(axis=1))
    said = torch.as_tensor(train[1].max(axis=1))
    truths = (torch.as_tensor(valid[2]), torch.as_tensor(test[2]))
    return Crowd(x, who, said, (x_valid, truths[0]), (x_test, truths[1]), A), train[2]


def expert(data):
    """Return the annotator who knows."""
    return data.confusion.diagonal(dim1=1, dim2=2).sum(dim=1).argmax()


def train(data, objective, depth, cells, seed, *, normalise, epochs=EPOCHS):
    """Return measures of the best epoch of each cell, shape (cells, 5)."""
    torch.manual_seed(seed)
    nets = Networks(len(cells), depth, normalise=normalise)
    maps = nn.Parameter(torch.eye(K).repeat(len(cells), M, 1, 1))
    optimizer = torch.optim.Adam([*nets.parameters(), maps], lr=1e-3, weight_decay=1e-4)
    best, found = np.full(len(cells), -1.0), np.zeros((len(cells), 5))
    for epoch in range(epochs):
        nets.train()
        for rows in torch.randperm(len(data.x)).tensor_split(-(-len(data.x) // BATCH)):
            log_f = nets(data.x[rows])
            loss = OBJECTIVES[objective](log_f, maps, data.who[rows], data.said[rows])
            loss = loss + penalty(log_f, maps, cells)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 2 == 0:
            continue
        right, now = measure(nets.eval(), maps, data)
        if epoch == EARLY:
            early = now[:, 1].copy()
        better = right > best
        best[better], found[better] = right[better], now[better]
    found[:, 1] = early
    return found


@torch.no_grad()
def measure(nets, maps, data):
    """Return validation accuracy; and, per cell, what `main` prints."""
    right = (nets(data.valid[0]).argmax(dim=2) == data.valid[1]).double().mean(dim=1)
    log_f = nets(data.test[0])
    label = log_f.argmax(dim=2)
    share = nn.functional.one_hot(label, K).double().mean(dim=1)
    spam = data.who != expert(data)
    fits = nets(data.x).argmax(dim=2)[:, spam] == data.said[spam]
    found = [
        100 * (label == data.test[1]).double().mean(dim=1),
        (share < RARE).sum(dim=1).double(),
        log_f.exp().amax(dim=2).mean(dim=1).double(),
        100 * fits.double().mean(dim=1),
        (maps.softmax(dim=3) - data.confusion).abs().sum(dim=3).mean(dim=(1, 2)).double(),
    ]
    return right.numpy(), torch.stack(found, dim=1).numpy()


def ceilings(data, truth, seed):
    """Return test accuracies of the deep network on the truth, and on the one who knows."""
    good = data.who == expert(data)
    alone = data._replace(x=data.x[good], who=data.who[good], said=data.said[good])
    both = []
    for part, epochs in ((data._replace(said=torch.as_tensor(truth)), 20), (alone, EPOCHS)):
        both.append(train(part, "plain", 4, CELLS[:1], seed, normalise=False, epochs=epochs))
    return [found[0, 0] for found in both]


def name_of(cell):
    """Return how a row is called."""
    return cell[0] if cell[1] is None else f"{cell[0]} {cell[1]:g}"


def compare(accuracy, cells=CELLS):
    """Print paired differences of a column at the strengths that were best on CIFAR-10."""
    row = {cell: accuracy[:, place] for place, cell in enumerate(cells)}
    for one, other in combinations((("none", None), ("W", 1e-3), ("F", 1e-4)), 2):
        gain = row[other] - row[one]
        error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else 0.0
        name = f"{name_of(other)} over {name_of(one)}"
        print(f"{name:>24}{gain.mean():+8.1f} ±{error:4.1f}; ahead {(gain > 0).sum()}", end="")
        print(f", behind {(gain < 0).sum()}")


def show(values, seeds):
    """Print accuracies and the paired gain over none; then what went on, for each column."""
    heads = "".join(f"{column[0]:>24}{'over none':>14}" for column in COLUMNS)
    print(f"{'λ':>10} {'CIFAR-10':>9}{heads}")
    for row, cell in enumerate(CELLS):
        line = f"{name_of(cell):>10} {PUBLISHED[cell]:>9}"
        for accuracy in values[..., 0]:
            gain = accuracy[:, row] - accuracy[:, 0]
            error = gain.std(ddof=1) / np.sqrt(seeds) if seeds > 1 else 0.0
            line += f"{accuracy[:, row].mean():24.1f}{gain.mean():+8.1f} ±{error:4.1f}"
        print(line)
    for column, found in zip(COLUMNS, values, strict=True):
        print(f"\n{column[0]}: paired by seed, at the strengths best on CIFAR-10")
        compare(found[..., 0])
        print("means over seeds, at the chosen epoch but for the first")
        for heads in (
            ("λ", "classes hardly", "mean", "spam", "error of"),
            ("", "used, epoch 2", "largest f", "fitted, %", "confusions"),
        ):
            print("{:>10}{:>16}{:>11}{:>11}{:>12}".format(*heads))
        for row, cell in enumerate(CELLS):
            _, rare, sharp, spam, error = found[:, row].mean(axis=0)
            print(f"{name_of(cell):>10}{rare:16.1f}{sharp:11.2f}{spam:11.1f}{error:12.2f}")


def main():
    n_seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    torch.set_num_threads(1)
    values, tops = np.empty((len(COLUMNS), n_seeds, len(CELLS), 5)), []
    for place in range(n_seeds):
        seed = first + place
        data, truth = read(seed)
        tops.append(ceilings(data, truth, seed))
        for column, (_, objective, depth, normalise) in enumerate(COLUMNS):
            values[column, place] = train(data, objective, depth, CELLS, seed, normalise=normalise)
    known, alone = np.mean(tops, axis=0)
    print(f"Test accuracy in per cent, {n_seeds} seeds; gains over none paired by seed, ± one")
    print(f"standard error. Trained on the truth {known:.1f}, on the one who knows {alone:.1f}\n")
    show(values, n_seeds)


if __name__ == "__main__":
    main()
