"""The package index: what it lists, and the gateway through which cells reach it."""
