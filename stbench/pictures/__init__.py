"""Pictures of frames, clips and errors."""
