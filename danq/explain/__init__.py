"""What a trained model looks at: saturation mutagenesis."""

from danq.processor import choose_matrix_kernels

choose_matrix_kernels()  # before anything here loads NumPy
