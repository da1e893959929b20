"""Pictures, drawn with matplotlib (the extra ``plot``), which is imported on the first call.

Every function draws into a figure or axes that it is given, or makes a figure, and returns the
figure; nothing is shown or saved. Colours are those of Okabe and Ito, told apart with any colour
vision, and no distinction hangs on colour alone.
"""

from __future__ import annotations

from aggregate.plotting.annotators import plot_annotators
from aggregate.plotting.budget import plot_budget
from aggregate.plotting.comparison import plot_comparison
from aggregate.plotting.confusions import plot_confusions
from aggregate.plotting.dependence import plot_dependence
from aggregate.plotting.objective import plot_objective
from aggregate.plotting.reliability import plot_reliability

__all__ = [
    "plot_annotators",
    "plot_budget",
    "plot_comparison",
    "plot_confusions",
    "plot_dependence",
    "plot_objective",
    "plot_reliability",
]
