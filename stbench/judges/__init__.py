"""Classifiers trained on real train-split clips, which say what a generated clip shows."""
