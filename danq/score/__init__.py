"""Variant scores: what each allele of a VCF changes in a model's predictions."""
