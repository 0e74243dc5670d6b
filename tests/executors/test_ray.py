"""Jobs on a local Ray cluster of three nodes, one of which is killed in the middle; skipped without Ray."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bytetrack.executors import Processes, Ray
from tests.executors.jobs import Mortal, as_dict, items, wrong

ROOT = str(Path(__file__).resolve().parents[2])


@pytest.mark.parametrize(("settings", "message"), [({"cpus": -1}, "cpus must be a number"), ({"workers": 0}, "workers must be at least 1")])
def test_settings_out_of_range_are_value_errors(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Ray(**settings)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    ray = pytest.importorskip("ray", reason="needs Ray: pip install ray")
    from ray.cluster_utils import Cluster

    ray.shutdown()  # a cluster that another test of this process has left
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    ray.init(made.address, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": ROOT}})
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.mark.slow
def test_a_node_and_a_worker_are_killed_and_the_results_are_those_of_processes(
    cluster: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    work, alone = items(*range(3, 15)), items(*range(3, 15))
    heard: list[str] = []
    killed = threading.Event()

    def done(item: Any) -> None:
        heard.append(item.name)
        if len(heard) == 3:
            cluster.remove_node(nodes[0], allow_graceful=False)
            killed.set()

    with caplog.at_level(logging.WARNING, "bytetrack"):
        found = Ray(retries=3).run(Mortal(tmp_path, "b", deaths=1, seconds=0.3), work, as_dict, done)
    assert killed.is_set()
    assert json.dumps(found) == json.dumps(Processes(1).run(Mortal(tmp_path, "", 0), alone, as_dict, print))
    assert sorted(heard) == sorted(found)
    assert len((tmp_path / "b.tries").read_text()) >= 3  # twice there, once here
    assert "done with c" in caplog.text  # what a job logs is heard here


@pytest.mark.slow
def test_errors_and_losses_are_one_line_as_in_processes(cluster: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^b\.txt:3: expected numbers, got 'x'$"):
        Ray().run(wrong, items(3, 9, 5), as_dict, print)
    with pytest.raises(ChildProcessError, match="a: its worker was lost 2 times"):
        Ray(retries=1).run(Mortal(tmp_path, "a", deaths=9), items(3), as_dict, print)
