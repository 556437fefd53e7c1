"""Verdicts from the index: what would be installed where, and why not. Nothing is installed, and no
code of a distribution is run.
"""
