"""The nouns: immutable, no input or output."""
