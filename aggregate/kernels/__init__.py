"""Numba loops: arrays in, the caller's arrays filled; no objects, no other kernel file."""
