"""Train a YOLOX detector, from the beginning or from where it stopped: see `--help`."""

from bytetrack.runtime.signals import end_quietly

end_quietly()

import os
from pathlib import Path
from typing import Any

from bytetrack.config import build, out_folder, save, verb

# Multi-scale training asks for blocks of fifteen sizes, among which a GPU's memory would fall to pieces. To be set before torch looks.
if not {"PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF"} & set(os.environ):
    os.environ["PYTORCH_CUDA_ALLOC_CONF"] = "expandable_segments:True"


@verb("train")
def main(config: Any) -> None:
    from bytetrack import training

    recipe = build(config.train)
    out = out_folder(config.out, "train", Path("runs") / "train" / config.recipe)
    training.train(recipe, training.NetworkSettings.of_detector(config.detector), out, accepted=lambda: save(config, out))


if __name__ == "__main__":
    main()
