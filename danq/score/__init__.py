"""Variant scores: what each allele of a VCF changes in a model's predictions."""

from danq.processor import choose_matrix_kernels

choose_matrix_kernels()  # before anything here loads NumPy
