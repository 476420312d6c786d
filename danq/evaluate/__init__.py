"""Metrics of predictions and the report; nothing here imports TensorFlow."""
