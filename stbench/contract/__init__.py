"""What a plug-in hands to the core: datasets and models."""
