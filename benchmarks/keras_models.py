"""Classifiers made and saved by real Keras, with what it answers: for `keras_import.py`.

    python keras_models.py PICTURES.npy OUT [--only NAME ...] [--time]

PICTURES.npy is (n, side, side) uint8. For each name OUT gets NAME.keras, NAME.h5 and NAME.npz:
"said" (n, outputs), and with --time the milliseconds an image of batches of 1 and of 32.

Weights are drawn, and the last layer is scaled so that its values on the pictures have mean 0 and
deviation 1.5: otherwise every probability would be 0 or 1 and two networks that differ would
look alike.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np

KERNEL = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
DRAWN = {"gamma": (0.4, 0.8), "beta": (0, 0.6), "bias": (-0.03, 0.03), "alpha": (0.05, 0.3)}
BATCH = 32
REPEATS = {1: 15, BATCH: 5}


class Case(NamedTuple):
    """What is built of (keras, side), how its pictures are scaled, and how many outputs it has."""

    build: Callable[[Any, int], Any]
    scaling: str
    outputs: int
    sharpen: bool = False


def resnet50(keras: Any, side: int) -> Any:
    """A model in a chain, as most tutorials do it."""
    layers = keras.layers
    base = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(side, side, 3))
    base.trainable = False
    head = [layers.GlobalAveragePooling2D(), layers.Dense(2, activation="softmax")]
    return keras.Sequential([base, *head])


def densenet201(keras: Any, side: int) -> Any:
    """One flat graph, with a head on the base's output."""
    layers = keras.layers
    base = keras.applications.DenseNet201(
        weights=None, include_top=False, input_shape=(side, side, 3)
    )
    x = layers.Dropout(0.3)(layers.GlobalMaxPooling2D()(base.output))
    return keras.Model(base.input, layers.Dense(1, activation="sigmoid")(x))


def vgg16(keras: Any, side: int) -> Any:
    """A model in a graph; Flatten, a hidden layer, and density by tumour."""
    layers = keras.layers
    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(side, side, 3))
    pixels = keras.Input((side, side, 3))
    x = layers.Flatten()(base(pixels, training=False))
    x = layers.Dropout(0.5)(layers.Dense(64, activation="relu")(x))
    return keras.Model(pixels, layers.Dense(8, activation="softmax")(x))


def plain(keras: Any, side: int) -> Any:
    """A chain of its author's own with one channel, augmentation, and its last sigmoid apart."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((side, side, 1)),
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.1),
            layers.Rescaling(1 / 255),
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(3, strides=2, padding="same"),
            layers.Conv2D(24, (3, 5), dilation_rate=2),
            layers.LeakyReLU(0.1),
            layers.SeparableConv2D(32, 3, padding="same", activation="elu"),
            layers.AveragePooling2D(3, strides=2, padding="same"),
            layers.SpatialDropout2D(0.2),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.GaussianNoise(0.1),
            layers.Dense(1),
            layers.Activation("sigmoid"),
        ]
    )


def plain_two_sigmoids(keras: Any, side: int) -> Any:
    """A frequent slip: one sigmoid for each of two classes."""
    layers = keras.layers
    pixels = keras.Input((side, side, 3))
    x = layers.Conv2D(12, 5, strides=3, activation="swish")(pixels)
    x = layers.ZeroPadding2D(((1, 0), (2, 1)))(x)
    x = layers.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2)(x)
    x = layers.PReLU(shared_axes=[1, 2])(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(pixels, layers.Dense(2, activation="sigmoid")(x))


def scaled_inside(keras: Any, side: int) -> Any:
    """`preprocess_input` and arithmetic on tensors inside the model; a layer used twice."""
    layers = keras.layers
    pixels = keras.Input((side, side, 3))
    x = keras.applications.resnet50.preprocess_input(pixels)
    x = x[..., ::-1] / 64.0
    again = layers.Conv2D(3, 3, padding="same", activation="tanh")
    x = layers.Concatenate()([again(again(x)), layers.Multiply()([x, x])])
    x = layers.Average()([x, layers.MaxPooling2D(3, strides=1, padding="same")(x)])
    x = layers.Reshape((side // 2, side // 2, 24))(x)
    x = layers.Normalization(mean=[0.1] * 24, variance=[2.0] * 24)(x)
    inner = keras.Sequential([layers.Conv2D(8, 3), layers.BatchNormalization(scale=False)])
    x = layers.GlobalMaxPooling2D(keepdims=True)(inner(x))
    x = layers.Dense(3)(layers.Flatten()(x))
    return keras.Model(pixels, layers.Softmax()(x))


def mobilenet_v2(keras: Any, side: int) -> Any:
    """Depthwise convolutions and ReLU up to 6, with the library's own top."""
    return keras.applications.MobileNetV2(weights=None, classes=2, input_shape=(side, side, 3))


def efficientnet_b0(keras: Any, side: int) -> Any:
    """Swish, squeeze and excitation, and its own scaling and normalisation."""
    return keras.applications.EfficientNetB0(weights=None, classes=3, input_shape=(side, side, 3))


CASES = {
    "resnet50": Case(resnet50, "caffe", 2),
    "densenet201": Case(densenet201, "torch", 1),
    "vgg16": Case(vgg16, "1/255", 8, sharpen=True),
    "plain": Case(plain, "raw", 1),
    "plain_two_sigmoids": Case(plain_two_sigmoids, "tf", 2),
    "scaled_inside": Case(scaled_inside, "raw", 3),
    "mobilenet_v2": Case(mobilenet_v2, "tf", 2),
    "efficientnet_b0": Case(efficientnet_b0, "raw", 3),
}


def as_trained(keras: Any, grey: Any, case: Case, channels: int) -> Any:
    """Pictures (n, side, side) uint8 as the model's author would have scaled them."""
    if case.sharpen:
        grey = np.stack([cv2.filter2D(one, -1, KERNEL) for one in grey])
    wide = np.repeat(grey[..., None], channels, axis=-1).astype(np.float32)
    own = {
        "caffe": keras.applications.resnet50.preprocess_input,
        "tf": keras.applications.mobilenet_v2.preprocess_input,
        "torch": keras.applications.densenet.preprocess_input,
        "1/255": lambda pixels: pixels / 255,
    }
    return own[case.scaling](wide) if case.scaling in own else wide


def settle(keras: Any, model: Any, inputs: Any) -> None:
    """Draw all arrays as if something had been learned.

    Kernels are centred and of He's size, and batch normalisation holds the pictures' own
    statistics: in a network of plain random arrays the features of all pictures are nearly
    alike, and what is left of their difference is rounding. The last dense layer is scaled,
    as the module's text says.
    """
    rng = np.random.default_rng(0)
    for one in model.weights:
        name = one.path.split("/")[-1]
        if name.endswith("kernel"):
            centred = one - np.mean(one, axis=tuple(range(len(one.shape) - 1)), keepdims=True)
            one.assign(centred * np.sqrt(2 / np.prod(one.shape[:-1])) / np.std(centred))
        elif name in DRAWN:
            one.assign(rng.uniform(*DRAWN[name], one.shape))
    norms = [x for x in every_layer(model) if isinstance(x, keras.layers.BatchNormalization)]
    trainable = [layer.trainable for layer in norms]
    for layer in norms:
        layer.trainable, layer.momentum = True, 0.0
    if norms:
        model(inputs, training=True)
    for layer, before in zip(norms, trainable, strict=True):
        layer.trainable, layer.momentum = before, 0.99
    last = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)][-1]
    features = np.asarray(keras.Model(model.inputs, last.input)(inputs, training=False))
    kernel = rng.normal(size=(features.shape[1], last.units))
    kernel *= 1.5 / (features @ kernel).std(axis=0)
    last.set_weights([kernel, -(features @ kernel).mean(axis=0)])


def every_layer(model: Any) -> list[Any]:
    """Of a model and of the models in it."""
    own = [layer for layer in model.layers if not hasattr(layer, "layers")]
    return own + [
        x for inner in model.layers if hasattr(inner, "layers") for x in every_layer(inner)
    ]


def milliseconds(model: Any, inputs: Any) -> dict[str, float]:
    """An image, median of some runs, after two that do not count."""
    found = {}
    for batch, repeats in REPEATS.items():
        given = np.resize(inputs, (batch, *inputs.shape[1:]))
        taken = []
        for _ in range(repeats + 2):
            start = time.perf_counter()
            model.predict_on_batch(given)
            taken.append(1000 * (time.perf_counter() - start) / batch)
        found[f"ms_{batch}"] = float(np.median(taken[2:]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--time", action="store_true")
    args = parser.parse_args()
    import keras

    grey = np.load(args.pictures)
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.only:
        case = CASES[name]
        keras.utils.set_random_seed(0)
        model = case.build(keras, grey.shape[1])
        inputs = as_trained(keras, grey, case, model.input_shape[-1])
        if name.startswith("plain"):  # so that the file holds an optimiser and metrics too
            model.compile("adam", "binary_crossentropy", metrics=["accuracy", "AUC"])
            model.train_on_batch(inputs, np.zeros((len(inputs), case.outputs)))
        settle(keras, model, inputs[:: max(1, len(inputs) // BATCH)])
        model.save(args.out / f"{name}.keras")
        model.save(args.out / f"{name}.h5")
        times = milliseconds(model, inputs) if args.time else {}
        batches = [inputs[start : start + BATCH] for start in range(0, len(inputs), BATCH)]
        said = np.concatenate([np.asarray(model(one, training=False)) for one in batches])
        np.savez(args.out / f"{name}.npz", said=said, **times)
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
