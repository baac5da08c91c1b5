"""Keras classifiers (.keras, .h5) to weights of this program; nothing in such a file is run."""
