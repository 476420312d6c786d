"""What a trained model looks at: saturation mutagenesis."""
