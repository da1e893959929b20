"""Sphinx configuration: numpydoc pages of the public names, warnings as errors."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import aggregate

project = "aggregate"
author = "the aggregate developers"
copyright = "2026, the aggregate developers"
version = release = aggregate.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
]
autosummary_generate = True
numpydoc_show_class_members = False
default_role = "autolink"  # a link where the name is known, else plain
exclude_patterns = ["_build", "figures"]
html_theme = "alabaster"
html_theme_options = {
    "description": "Noisy labels from many annotators in, trustworthy soft labels out.",
    "page_width": "1080px",
}
