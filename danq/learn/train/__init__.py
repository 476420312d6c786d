"""Training: the loop, its steps, losses, checkpoints."""
