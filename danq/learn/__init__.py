"""Training, prediction and the model bundle."""

import os

from danq.learn.startup import start_quietly

# the training loop and the recurrent layers' fast path are TensorFlow's, whatever ~/.keras/keras.json says
os.environ["KERAS_BACKEND"] = "tensorflow"
start_quietly()
