"""The stages of a batch on Ray Data: tasks that read, actors that hold the network.

Exams travel in small blocks, pickled. A task reads the exams of a block and gives what the network
needs of them; an actor of an autoscaling pool judges them; the results come back here as blocks
are done. Ray Data holds readers back when the actors cannot follow.

A block that does not come back (its process was killed, ran out of memory, or its machine is gone)
costs its exams a second try, each alone; what is lost again is listed.
"""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from math import ceil
from typing import Any

import mammoscope
from mammoscope.batch.items import Item
from mammoscope.batch.pipeline import Judged
from mammoscope.batch.pool import TIME_LIMIT, PoolError
from mammoscope.batch.ray_cluster import cpus, imported
from mammoscope.batch.ray_stages import Judge, Network, Row, read_block, unfit
from mammoscope.batch.remote import is_url
from mammoscope.batch.worker import Lost
from mammoscope.errors import ConfigError
from mammoscope.infer import Predictor

TRIES = 2
WAVE = 512
"""Exams of one Ray dataset for each CPU: what Ray keeps in mind of them stays bounded."""
_BLOCK, _BLOCKS_A_CPU = 8, 32
"""Exams in a block, at most, and blocks that each CPU gets, at least: none idles for long."""
_READER, _NETWORK = 0.9, 0.1
"""Shares of a CPU. A machine's network runs beside as many readers as it has CPUs."""
_CPUS_A_NETWORK = 4
_STILLBORN = 3
"""Exams that may all be lost before it is not they that are at fault."""


def judge_on_ray(
    root: str,
    items: Iterable[Item],
    predictor: Predictor,
    workers: int,
    time_limit: float = TIME_LIMIT,
    grows: bool = False,
) -> Generator[Judged | Lost]:
    """Read and judge exams where `mammoscope.batch.ray_cluster.cluster` leads.

    The results are those of `mammoscope.batch.pipeline.judge_all`, in order of completion.

    Args:
        root: folder or URL that the items' paths start from; every node must reach it.
        items: taken as they are needed.
        predictor: its weights, arithmetic and operating point are those of all nodes.
        workers: exams read at once; with more than there are CPUs, each takes less of one.
        time_limit: seconds that reading one exam may take.
        grows: read more at once if the cluster grows.

    Raises:
        PoolError: Ray gave up, or gives nothing back.
    """
    network = Network.of(predictor)
    params = predictor.weights.preprocess
    read = partial(read_block, root=_whole(root), params=params, time_limit=time_limit)
    lost = (
        f"the process that worked on it ended {TRIES} times, or it was not read within "
        f"{time_limit:g} seconds (--time-limit)"
    )
    most = None if grows else workers
    waiting = iter(items)
    while wave := list(islice(waiting, WAVE * cpus())):
        missing = {item.key: item for item in wave}
        for attempt in range(TRIES):
            for found in _results(_blocks([*missing.values()], attempt), read, network, most):
                if missing.pop(found.item.key, None):
                    yield found
            if not missing:
                break
        if len(missing) == len(wave) > _STILLBORN:
            raise PoolError(
                "batch: of all the work that Ray was given none came back; look whether the "
                "nodes' processes start, and go on with --resume."
            )
        for item in missing.values():
            yield Lost(item, lost)


def _blocks(items: Sequence[Item], attempt: int) -> list[Row]:
    """Rows for Ray: several exams each, but on a further attempt each alone."""
    size = 1 if attempt else min(_BLOCK, ceil(len(items) / (_BLOCKS_A_CPU * cpus())))
    starts = range(0, len(items), size)
    return [{"block": pickle.dumps(list(items[start : start + size]))} for start in starts]


def _results(
    blocks: list[Row], read: Any, network: Network, workers: int | None
) -> Iterator[Judged | Lost]:
    """What Ray Data gives for the blocks; those that it lost are not among it."""
    ray = imported()
    gpus = int(ray.cluster_resources().get("GPU", 0)) if network.on_gpu else 0
    most = max(1, gpus or cpus() // _CPUS_A_NETWORK)
    readers = min(workers or len(blocks), len(blocks))
    share = _READER * min(1.0, cpus() / workers) if workers else _READER
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's, about arguments that a later Ray will name anew
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        context.max_errored_blocks = -1
        done = (
            ray.data.from_items(blocks, override_num_blocks=len(blocks))
            .map(read, compute=ray.data.TaskPoolStrategy(readers), num_cpus=share, max_retries=0)
            .map(
                Judge,
                fn_constructor_args=(network,),
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=most),
                num_cpus=_NETWORK,
                num_gpus=1 if network.on_gpu else None,
                max_task_retries=1,
            )
        )
    try:
        for row in done.iter_rows():
            yield from pickle.loads(row["block"])
    except ray.exceptions.RayError as error:
        raise PoolError(
            f"batch: Ray ended the work ({type(error).__name__}); what was judged is kept, "
            "go on with --resume."
        ) from error


def check_nodes(root: str, predictor: Predictor) -> None:
    """Ask every node that may get work whether it can do it, before any is given.

    Args:
        root: folder or URL that the items' paths start from.
        predictor: as for `judge_on_ray`.

    Raises:
        ConfigError: one lacks the program, the folder, or the arithmetic.
    """
    ray, network = imported(), Network.of(predictor)
    fit = ray.remote(num_cpus=0, num_gpus=int(network.on_gpu), max_retries=1)(unfit)
    where = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    needed = "GPU" if network.on_gpu else "CPU"
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get(needed)]
    asked = [
        fit.options(scheduling_strategy=where(node["NodeID"], soft=False)).remote(
            _whole(root), network, mammoscope.__version__
        )
        for node in nodes
    ]
    for node, answer in zip(nodes, asked, strict=True):
        try:
            reason = ray.get(answer)
        except ray.exceptions.RayError as error:
            reason = f"mammoscope does not run there: {type(error).__name__}"
        if reason:
            name = node["NodeManagerAddress"]
            raise ConfigError(f"batch: node {name} cannot take part ({reason}); mend or remove it.")


def _whole(root: str) -> str:
    """A folder from the root of the file system: workers do not start where the user did."""
    return root if is_url(root) else os.path.abspath(root)  # noqa: PTH100 - as the user wrote it
