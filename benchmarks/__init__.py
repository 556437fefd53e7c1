"""What envcheck costs and what it says, beside its peers. Not part of the package, not in CI."""
