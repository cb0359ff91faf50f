"""Who trains the cells: this process, joblib's on this machine, or a Dask cluster's. All give the same rows."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from joblib import Parallel, delayed

from edgewise.errors import InputError

Finished = Generator[tuple[Any, Any], None, None]
Measure = Callable[[Any], Any]
LOCAL = "local"


@contextmanager
def workers(
    processes: int, cluster: str | None, measure: Measure
) -> Iterator[Callable[[Sequence[Any]], Finished]]:
    """A function from cells to cells with their rows, in the order in which they are done.

    ``measure`` makes a row of a cell; it must be importable by name, for other processes call it.

    ``cluster`` is the address of a Dask scheduler, ``"local"`` for one started here with ``processes`` workers, or
    None for joblib. Closing what the function gives leaves the rest undone.
    """
    measured = partial(_measured, measure)
    if cluster is None:
        yield lambda cells: _on_joblib(cells, processes, measured)
        return
    with _client(processes, cluster) as client:
        yield lambda cells: _on_dask(cells, client, measured)


def _measured(measure: Measure, cell: Any) -> tuple[Any, Any]:
    return cell, measure(cell)


def _on_joblib(cells: Sequence[Any], processes: int, measured: Measure) -> Finished:
    if processes == 1:
        yield from map(measured, cells)
        return
    settings: dict[str, Any] = {"return_as": "generator_unordered", "batch_size": 1, "pre_dispatch": "n_jobs"}
    found: Any = Parallel(n_jobs=processes, **settings)(delayed(measured)(cell) for cell in cells)
    yield from found


def _on_dask(cells: Sequence[Any], client: Any, measured: Measure) -> Finished:
    from distributed import as_completed

    futures = [client.submit(measured, cell, key=f"edgewise-{cell.key}") for cell in cells]
    try:
        for future in as_completed(futures):
            yield future.result()
            future.release()
    finally:
        client.cancel(futures)


@contextmanager
def _client(processes: int, cluster: str) -> Iterator[Any]:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise InputError(
            "a Dask cluster needs the package distributed; type: pip install edgewise[study]"
        ) from None
    if cluster != LOCAL:
        with _connected(Client, cluster) as client:
            yield client
        return
    # one thread a worker: the number of torch's threads belongs to a process, not to a cell
    settings: Any = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(n_workers=processes, **settings) as local, Client(local) as client:
        yield client


def _connected(client: Callable[..., Any], address: str) -> Any:
    try:
        return client(address, timeout=30)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {address!r} ({error}); expected one like tcp://host:8786"
        ) from None
