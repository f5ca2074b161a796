"""PKnl: a network estimates the flow, advection and diffusion move the last frame."""
