"""The version of t3lens itself: written into stores, documents and bundles, so that a reader knows who made them."""

__all__ = ["__version__"]

__version__ = "0.1.0"
