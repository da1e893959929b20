"""Shim for tools that still look for this file; the metadata stand in pyproject.toml."""

from setuptools import setup

setup()
