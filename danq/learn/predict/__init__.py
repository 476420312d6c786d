"""Prediction: what is predicted, by which forward pass, into which files."""
