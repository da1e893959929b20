"""Draw one picture per identifiability condition: python docs/figures/identifiability.py."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from aggregate import DawidSkene, simulate_annotations
from aggregate.inspection import (
    check_health,
    kruskal_holds,
    label_swaps,
    separability,
    sufficiently_scattered,
)

FOLDER = Path(__file__).parent
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#999999"  # told apart with any colour vision
CORNERS = np.array([[0, 0], [1, 0], [0.5, np.sqrt(3) / 2]])


def draw_simplex(axis: plt.Axes, title: str) -> None:
    """Draw the triangle of three classes."""
    axis.fill(*CORNERS.T, facecolor="none", edgecolor="black", linewidth=1)
    for name, corner, (dx, dy), side in zip(
        "abc",
        CORNERS,
        [(-0.03, -0.02), (0.03, -0.02), (0, 0.03)],
        ["right", "left", "center"],
        strict=True,
    ):
        up = "bottom" if name == "c" else "top"
        axis.text(corner[0] + dx, corner[1] + dy, f"class {name}", ha=side, va=up, fontsize=10)
    axis.set_title(title, fontsize=11, pad=16)
    axis.set_aspect("equal")
    axis.set_axis_off()


def shares(confusion: np.ndarray) -> np.ndarray:
    """Return, for each annotator and label, the shares of the classes among its uses."""
    rows = confusion.transpose(0, 2, 1).reshape(-1, confusion.shape[1])
    return rows / rows.sum(axis=1, keepdims=True)


def crowd_of(sharpness: float, seed: int = 3) -> np.ndarray:
    """Draw confusion matrices of twelve annotators, the more diagonal the sharper."""
    random = np.random.default_rng(seed)
    confusion = random.dirichlet(np.ones(3), size=(12, 3)) + sharpness * np.eye(3)
    return confusion / confusion.sum(axis=2, keepdims=True)


def anchors() -> None:
    """Draw how near the labels of two crowds come to proving a class."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
    blunt, expert = crowd_of(0.6), crowd_of(0.6)
    expert[:3] = np.full((3, 3, 3), 0.02) + 0.94 * np.eye(3)
    for axis, confusion, title in (
        (axes[0], blunt, "no near-anchors"),
        (axes[1], expert, "near-anchors of all classes"),
    ):
        found = separability(confusion)
        worst = found.epsilon.max()
        draw_simplex(axis, f"{title}\nthe best labels hold up to {worst:.0%} other classes")
        points = shares(confusion) @ CORNERS
        axis.scatter(*points.T, s=22, color=GREY, label="a label of an annotator")
        best = shares(confusion)[found.annotator * 3 + found.label] @ CORNERS
        axis.scatter(*best.T, s=70, marker="D", color=ORANGE, label="nearest to each class")
    axes[0].legend(loc="upper left", frameon=False, fontsize=9, bbox_to_anchor=(-0.12, 1.0))
    save(figure, "anchors")


def scattering() -> None:
    """Draw two crowds and the ball that their labels have to enclose."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
    wide = np.array([[0.8, 0.2, 0.0], [0.0, 0.8, 0.2], [0.2, 0.0, 0.8]])
    crowds = (crowd_of(0.9), np.stack([wide, wide.T]))
    for axis, confusion in zip(axes, crowds, strict=True):
        points = shares(confusion)
        found = sufficiently_scattered(points)
        word = "sufficiently scattered" if found.holds else "not scattered enough"
        draw_simplex(axis, f"{word}: {found.coverage:.0%} of the radius")
        flat = points @ CORNERS
        hull = flat[convex_order(flat)]
        axis.fill(*hull.T, color=BLUE, alpha=0.15)
        axis.plot(*np.vstack([hull, hull[:1]]).T, color=BLUE, linewidth=1)
        axis.scatter(*flat.T, s=26, color=BLUE, label="a label of an annotator", zorder=3)
        radius = 1 / np.sqrt(12)  # of the circle inscribed in a triangle of side one
        axis.add_patch(
            plt.Circle(
                CORNERS.mean(axis=0), radius, fill=False, color=ORANGE, lw=2, label="to enclose"
            )
        )
    axes[0].legend(loc="upper left", frameon=False, fontsize=9, bbox_to_anchor=(-0.12, 1.0))
    save(figure, "scattered")


def convex_order(points: np.ndarray) -> np.ndarray:
    """Return the corners of the convex hull in order."""
    from scipy.spatial import ConvexHull

    return np.asarray(ConvexHull(points).vertices)


def triples() -> None:
    """Draw the error of estimated confusions against the number of items."""
    good = np.array([[0.8, 0.2], [0.3, 0.7]])
    spam = np.array([[0.6, 0.4], [0.6, 0.4]])
    crowds = (
        ("two annotators", [good, good], ORANGE, "s"),
        ("two annotators and a spammer", [good, good, spam], GREY, "^"),
        ("three annotators", [good, good, good], BLUE, "o"),
    )
    sizes = np.array([500, 1000, 2000, 4000, 8000, 16000])
    figure, axis = plt.subplots(figsize=(6.5, 4), layout="constrained")
    for name, matrices, colour, marker in crowds:
        confusion = np.array(matrices)
        holds = len(matrices) == 3 and kruskal_holds(*matrices)
        words = "Kruskal's condition holds" if holds else "it does not hold"
        errors = [error_of(confusion, int(size)) for size in sizes]
        axis.plot(sizes, errors, color=colour, marker=marker, label=f"{name}: {words}")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xticks(sizes, [f"{size:,}" for size in sizes], minor=False)
    axis.set_xticks([], minor=True)
    axis.set_yticks([0.01, 0.02, 0.05, 0.1, 0.2], ["0.01", "0.02", "0.05", "0.10", "0.20"])
    axis.set_yticks([], minor=True)
    axis.set_ylim(0.008, 0.25)
    axis.set_xlabel("items, each labelled by all annotators")
    axis.set_ylabel("mean error of a confusion entry")
    axis.legend(frameon=False, loc="lower left", fontsize=9)
    axis.spines[["top", "right"]].set_visible(False)
    save(figure, "triples")


def error_of(confusion: np.ndarray, n_items: int) -> float:
    """Return the mean error of the first two confusions over crowds and starts of EM."""
    found = []
    for seed in range(20):
        size = len(confusion)
        votes = simulate_annotations(
            n_items, size, 2, labels_per_item=size, confusion=confusion, random_state=seed
        ).annotations
        start = np.random.default_rng(seed).dirichlet(np.ones(2), size=(size, 2))
        model = DawidSkene(prior_strength=0.1, init=start, max_iter=300, tol=0).fit(votes)
        swap = label_swaps(confusion, model.confusion_)
        error = np.abs(model.confusion_[:, swap.permutation] - confusion)
        found.append(error[:2].mean())
    return float(np.mean(found))


def connectivity() -> None:
    """Draw two crowds that share no item, and one annotator who joins them."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    links = [(j, i) for j in range(3) for i in (j, j + 1)]
    links += [(j + 3, i + 4) for j in range(3) for i in (j, j + 1)]
    for axis, extra in zip(axes, ([], [(2, 4)]), strict=True):
        draw_graph(axis, links + extra, extra)
    save(figure, "connectivity")


def draw_graph(axis: plt.Axes, links: list[tuple[int, int]], extra: list[tuple[int, int]]) -> None:
    """Draw annotators above, items below, and a line per label."""
    from aggregate import Annotations

    annotator, item = np.array(links).T
    health = check_health(Annotations.from_columns(item, annotator, np.zeros(len(links), int)))
    colours = (BLUE, ORANGE)
    group = health.component_of_annotator
    for j, i in links:
        style = {"linestyle": "--", "lw": 2.5} if (j, i) in extra else {"lw": 1.2}
        axis.plot([j * 1.4, i], [1, 0], color=colours[group[j]], zorder=1, **style)
    for j in range(6):
        axis.scatter(j * 1.4, 1, s=170, color=colours[group[j]], zorder=2)
    for i in range(8):
        colour = colours[health.component_of_item[i]]
        axis.scatter(i, 0, s=130, marker="s", color=colour, zorder=2)
    axis.text(-0.5, 1, "annotators", ha="right", va="center")
    axis.text(-0.5, 0, "items", ha="right", va="center")
    n = health.n_components
    words = "one group: all are comparable" if n == 1 else f"{n} groups that were never compared"
    axis.set_title(words, fontsize=11)
    axis.set_xlim(-2.4, 7.5)
    axis.set_ylim(-0.3, 1.3)
    axis.set_axis_off()


def save(figure: plt.Figure, name: str) -> None:
    """Write a picture beside this file."""
    figure.savefig(FOLDER / f"identifiability_{name}.png", dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    anchors()
    scattering()
    triples()
    connectivity()
