"""Networks as graphs of ONNX, which ONNX Runtime computes without TensorFlow."""
