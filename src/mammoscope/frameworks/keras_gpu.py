"""Whether a backend of Keras finds a GPU, and how much memory it took there: each asks its way."""

from __future__ import annotations

from typing import Protocol

from mammoscope.errors import ConfigError


class _Ways(Protocol):
    @staticmethod
    def found() -> bool: ...
    @staticmethod
    def peak() -> int: ...


class _TensorFlow:
    @staticmethod
    def found() -> bool:
        import tensorflow

        return bool(tensorflow.config.list_physical_devices("GPU"))

    @staticmethod
    def peak() -> int:
        import tensorflow

        return int(tensorflow.config.experimental.get_memory_info("GPU:0")["peak"])


class _Jax:
    @staticmethod
    def found() -> bool:
        import jax

        return bool(jax.default_backend() == "gpu")

    @staticmethod
    def peak() -> int:
        import jax

        return int(jax.devices()[0].memory_stats()["peak_bytes_in_use"])


class _Torch:
    @staticmethod
    def found() -> bool:
        import torch

        return torch.cuda.is_available()

    @staticmethod
    def peak() -> int:
        import torch

        return torch.cuda.max_memory_allocated()


_WAYS: dict[str, type[_Ways]] = {"tensorflow": _TensorFlow, "jax": _Jax, "torch": _Torch}


class Gpu:
    """The GPU that a backend computes on.

    Args:
        backend: of Keras.

    Raises:
        ConfigError: it finds none.
    """

    def __init__(self, backend: str) -> None:
        self._ways = _WAYS[backend]
        if not self._ways.found():
            raise ConfigError(
                f"{backend} finds no GPU; install its build for CUDA, or give --device cpu."
            )

    def peak_mib(self) -> float:
        """The most memory since the process began."""
        return self._ways.peak() / 2**20
