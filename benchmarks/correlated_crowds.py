"""Simulated crowds that err together, for judging confidence where the truth is known.

`draw` makes one crowd from a seed. Everything is drawn anew for each: the number of classes (2
to 10) and how frequent they are, items, labels per item (3 to 20), labels per annotator; two
to three communities of annotators with confusions of their own, now and then some who do not
look; and items that are hard, more of them in some classes than in others. A hard item looks
like another class to each annotator with a chance of its own, from never to always, or like
nothing in particular, so that annotators guess. It is the chance of being misled, the same for
all, that correlates their errors, and no model here describes it exactly.

The ranges were fixed before any method was tried on them and have not been changed since.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aggregate import Annotations

CHOICES_OF_CLASSES = (2, 2, 2, 2, 3, 4, 4, 5, 7, 10)
CHOICES_OF_LABELS = (3, 3, 5, 5, 7, 10, 10, 15, 20)


class Crowd(NamedTuple):
    """Votes, the true class of each item, and the share of items that are hard."""

    votes: Annotations
    truth: np.ndarray
    hard: float


def draw(seed: int) -> Crowd:
    """Draw one crowd."""
    random = np.random.default_rng([6, seed])
    n_classes = int(random.choice(CHOICES_OF_CLASSES))
    per_item = int(random.choice(CHOICES_OF_LABELS))
    n_items = int(np.exp(random.uniform(np.log(200), np.log(2000))))
    per_annotator = np.exp(random.uniform(np.log(12), np.log(400)))
    n_annotators = int(max(n_items * per_item / per_annotator, per_item + 3, 8))
    prior = random.dirichlet(np.full(n_classes, np.exp(random.uniform(0, np.log(30)))))
    prior = 0.9 * prior + 0.1 / n_classes
    likeness = similarity(n_classes, random)
    confusion = annotators(n_annotators, n_classes, likeness, random)
    truth = random.choice(n_classes, n_items, p=prior)
    hard_share = random.beta(1, 2)
    of_class = np.clip(hard_share * random.uniform(0.3, 1.7, n_classes), 0, 0.9)
    hard = random.random(n_items) < of_class[truth]
    who = participants(n_items, n_annotators, per_item, random)
    sees = what_is_seen(truth, hard, likeness, per_item, random)
    chances = confusion[who[:, :, np.newaxis], sees[:, :, np.newaxis], np.arange(n_classes)]
    label = (random.random((*who.shape, 1)) > chances.cumsum(axis=2)).sum(axis=2)
    votes = Annotations.from_columns(
        np.repeat(np.arange(n_items), per_item),
        who.ravel(),
        label.clip(max=n_classes - 1).ravel(),
        classes=np.arange(n_classes),
    )
    return Crowd(votes, truth, float(hard.mean()))


def similarity(n_classes: int, random: np.random.Generator) -> np.ndarray:
    """Return how often class k, if mistaken, is taken for another; rows sum to one."""
    like = random.dirichlet(np.full(n_classes - 1, 0.7), n_classes)
    table = np.zeros((n_classes, n_classes))
    table[~np.eye(n_classes, dtype=bool)] = like.ravel()
    return table


def annotators(
    n_annotators: int, n_classes: int, likeness: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Return the confusions of annotators in communities, some of whom may not look."""
    n_communities = int(random.integers(1, 4))
    community = random.choice(n_communities, n_annotators, p=random.dirichlet([2] * n_communities))
    chance = 1 / n_classes
    level = chance + (1 - chance) * random.uniform(0.25, 0.95, n_communities)
    right = np.clip(level[:, np.newaxis] + random.normal(0, 0.08, (n_communities, n_classes)),
                    chance, 0.98)  # fmt: skip
    own = np.stack([similarity(n_classes, random) for _ in range(n_communities)])
    mistakes = (likeness + own) / 2 * (1 - right)[:, :, np.newaxis]
    centre = mistakes + right[:, :, np.newaxis] * np.eye(n_classes)
    strength = np.exp(random.uniform(np.log(8), np.log(80)))
    confusion = random.standard_gamma(strength * centre[community] + 0.01)
    idle_share = random.uniform(0.05, 0.3) if random.random() < 0.3 else 0.0
    idle = random.random(n_annotators) < idle_share
    habits = random.dirichlet(np.full(n_classes, 0.5), n_annotators)[:, np.newaxis] + 1e-3
    confusion = np.where(idle[:, np.newaxis, np.newaxis], habits, confusion)
    return confusion / confusion.sum(axis=2, keepdims=True)


def participants(
    n_items: int, n_annotators: int, per_item: int, random: np.random.Generator
) -> np.ndarray:
    """Return who labels each item, each at most once, a few annotators doing most."""
    zeal = random.normal(0, random.uniform(0, 1.5), n_annotators)
    keys = zeal + random.gumbel(size=(n_items, n_annotators))
    return np.argpartition(-keys, per_item - 1, axis=1)[:, :per_item]


def what_is_seen(
    truth: np.ndarray,
    hard: np.ndarray,
    likeness: np.ndarray,
    per_item: int,
    random: np.random.Generator,
) -> np.ndarray:
    """Return the class that each annotator of each item takes it for before erring themselves."""
    n_items, n_classes = len(truth), len(likeness)
    vague = hard & (random.random(n_items) < random.uniform(0, 0.5))
    look = (random.random((n_items, 1)) > likeness[truth].cumsum(axis=1)).sum(axis=1)
    pull = np.where(hard, random.random(n_items), 0.0)
    misled = random.random((n_items, per_item)) < pull[:, np.newaxis]
    guess = random.integers(0, n_classes, (n_items, per_item))
    wrong = np.where(vague[:, np.newaxis], guess, look.clip(max=n_classes - 1)[:, np.newaxis])
    return np.where(misled, wrong, truth[:, np.newaxis])
