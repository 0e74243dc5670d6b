"""Explains in one line that a package is not installed."""

from __future__ import annotations

__all__ = ["explain_missing"]

DISTRIBUTIONS = {  # module: what pip calls it, if that is another name
    "PIL": "pillow",
    "cv2": "opencv-python",
    "faster_coco_eval": "faster-coco-eval",
    "hydra": "hydra-core",
    "omegaconf": "hydra-core",
    "yaml": "pyyaml",
    "yolox": "pixeltable-yolox",
}


def explain_missing(user: str, error: ModuleNotFoundError) -> str:
    """Returns a line with the package that `user`, a verb or a name of the package, needs and how to install it.

    >>> explain_missing("track", ModuleNotFoundError("No module named 'cv2'", name="cv2"))
    'track needs cv2, which is not installed: pip install opencv-python (or the wheel without --no-deps, which brings everything)'
    """
    module = (error.name or "").partition(".")[0]
    if not module or module == "bytetrack":
        return str(error)
    package = DISTRIBUTIONS.get(module, module)
    return f"{user} needs {module}, which is not installed: pip install {package} (or the wheel without --no-deps, which brings everything)"
