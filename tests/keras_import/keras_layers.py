"""Makes models of one layer on request: a line of JSON in, the model's path and a line out."""

from __future__ import annotations

import json
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np


def main() -> None:
    for line in sys.stdin:
        wanted = json.loads(line)
        keras.utils.set_random_seed(wanted["seed"])
        model = keras.Sequential(
            [
                keras.Input(wanted["shape"]),
                getattr(keras.layers, wanted["kind"])(**wanted["settings"]),
                keras.layers.Flatten(),
                keras.layers.Dense(1, activation="sigmoid"),
            ]
        )
        model.save(wanted["path"])
        said = model(np.load(wanted["inputs"]), training=False)
        print("said", json.dumps(np.asarray(said).tolist()), flush=True)
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
