"""envcheck: whether an environment for machine learning works, why it does not, what mends it."""

__version__ = "0.1.0"
