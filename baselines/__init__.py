"""Baselines, one module each, found by entry point. Floors: mean, persistence, linear, nearest_neighbour."""
