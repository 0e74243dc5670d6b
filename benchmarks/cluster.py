"""Tracking on a Ray cluster, a node of which is killed in the middle, beside processes: `python benchmarks/cluster.py [--nodes N]`.

A cluster of N nodes on this machine, of one core each, runs `tools/track.py executor=ray` with YOLOX-Nano on copies of PETS09-S2L1,
detection included. When the first piece is stored, one node and all its workers are killed. The result files and scores must be those of
`executor=processes`, bit for bit. Data: ../shared/data, or the environment variable BYTETRACK_DATA. Needs the extras ray and onnx.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("BYTETRACK_DATA", ROOT.parent / "shared" / "data"))


def track(dataset: Path, out: Path, *settings: str) -> subprocess.Popen[bytes]:
    """The verb, started."""
    detector = ("detector=onnx", f"detector.weights={DATA / 'weights' / 'yolox_nano.onnx'}", "detector.threads=1")
    command = [sys.executable, "tools/track.py", "dataset=pets09", f"dataset.root={dataset}", *detector, f"out={out}", *settings]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def copies(folder: Path, number: int) -> Path:
    """As many sequences with the same video."""
    for place in range(number):
        (folder / f"PETS09-{place}").mkdir(parents=True)
        for name in ("vtest.avi", "gt", "seqinfo.ini"):
            (folder / f"PETS09-{place}" / name).symlink_to(DATA / "PETS09-S2L1" / name)
    return folder


def contents(run: Path) -> dict[str, bytes]:
    """Returns what must not depend on the machine that made it."""
    return {str(path.relative_to(run)): path.read_bytes() for path in [*sorted(run.glob("tracks/*.txt")), run / "scores.json"]}


def main() -> int:
    """Exit status 0 where both runs are equal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--copies", type=int, default=6)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    out = arguments.out or Path(tempfile.mkdtemp())
    shutil.rmtree(out, ignore_errors=True)
    dataset = copies(out / "data", arguments.copies)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(arguments.nodes - 1)]
    started = time.perf_counter()
    process = track(dataset, out / "ray", "executor=ray", f"executor.address={cluster.address}")
    while process.poll() is None and not list((out / "ray").glob("detections/*/*.npz")):
        time.sleep(0.1)
    cluster.remove_node(nodes[0], allow_graceful=False)
    print(f"a node of {arguments.nodes} killed after {time.perf_counter() - started:.0f} s")
    status = process.wait()
    print(f"executor=ray: exit status {status} after {time.perf_counter() - started:.0f} s")
    cluster.shutdown()
    started = time.perf_counter()
    print(f"executor=processes: exit status {track(dataset, out / 'processes').wait()} after {time.perf_counter() - started:.0f} s")
    equal = contents(out / "ray") == contents(out / "processes")
    print(f"{len(contents(out / 'ray'))} files {'equal bit for bit' if equal else 'DIFFER'}")
    return 0 if equal and status == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
