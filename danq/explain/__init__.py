"""What a trained model looks at: saturation mutagenesis."""

import danq.score  # noqa: F401  # chooses NumPy's matrix kernels before NumPy is loaded
