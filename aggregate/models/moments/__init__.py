"""Confusion matrices from how pairs and triples of annotators label the items they share."""

from aggregate.models.moments.coupled_nmf import CoupledNMF
from aggregate.models.moments.multi_spa import MultiSPA
from aggregate.models.moments.spectral_dawid_skene import SpectralDawidSkene
from aggregate.models.moments.symmetric_nmf import SymmetricNMF
from aggregate.models.moments.tensor_moments import TensorMoments

__all__ = ["CoupledNMF", "MultiSPA", "SpectralDawidSkene", "SymmetricNMF", "TensorMoments"]
