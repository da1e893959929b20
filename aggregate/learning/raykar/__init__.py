"""Raykar's model: a classifier and annotators by one likelihood."""
