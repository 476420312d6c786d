"""Labelled datasets on disk, their encoders and their batches."""
