"""What Keras itself answers, for comparison: run as a script, in a process of its own.

    python original.py MODEL INPUT.npy OUTPUT.npy

The file has been looked at before: it holds layers of Keras alone and no code, and Keras is told
to refuse code all the same (safe_mode).
"""

from __future__ import annotations

import sys

import numpy as np


def main() -> None:
    """Load the model, predict, write what it says, and print which Keras that was."""
    path, inputs, outputs = sys.argv[1:]
    import keras

    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    np.save(outputs, model.predict(np.load(inputs), verbose=0, batch_size=8))
    print(f"Keras {keras.__version__}, {keras.backend.backend()}")


if __name__ == "__main__":
    main()
