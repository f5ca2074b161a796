"""Preset files of the learned baselines, `<model>.<dataset>.toml`."""
