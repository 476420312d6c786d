"""Training, prediction and the model bundle."""
