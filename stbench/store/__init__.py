"""Stores: one zarr v3 group per dataset, written shard by shard, read lazily, verified by the digest of its values."""
