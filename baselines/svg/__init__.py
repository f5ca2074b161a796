"""SVG-LP: video generation with a learned prior."""
