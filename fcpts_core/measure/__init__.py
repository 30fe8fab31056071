"""How good a network is, and how close it stays to another."""
