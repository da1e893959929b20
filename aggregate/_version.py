"""The version of the package, which the metadata and saved files take from here."""

__version__ = "0.1.0.dev0"
