"""Inference without torch: engine (bytes to raw outputs), postprocess, predictor."""

from mammoscope.infer.predictor import Predictor

__all__ = ["Predictor"]
