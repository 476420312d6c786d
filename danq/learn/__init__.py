"""Training, prediction and the model bundle."""

import os

# the training loop and the recurrent layers' fast path are TensorFlow's, whatever ~/.keras/keras.json says
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
