"""Alleles on the phased haplotypes of samples."""
