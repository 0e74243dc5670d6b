"""Make of a raw dataset the COCO json file that training reads; fetch and check it: see `--help`."""

from bytetrack.runtime.signals import end_quietly

end_quietly()

import logging
from pathlib import Path
from typing import Any

from bytetrack.config import build, verb


@verb("prepare")
def main(config: Any) -> None:
    from hydra.core.hydra_config import HydraConfig

    from bytetrack.data.download import fetch_dataset, fetch_weights
    from bytetrack.data.prepare import prepare, prepare_checked

    if config.weights:
        path = fetch_weights(config.weights, config.weights_folder, config.mirror)
        logging.getLogger("bytetrack").info("%s: use it as detector.weights=%s or train.weights=%s", config.weights, path, path)
    if config.get("dataset") is None:
        if not config.weights:
            raise ValueError("nothing to prepare: give dataset=NAME (--help lists them) or weights=NAME")
        return
    chosen = HydraConfig.get().runtime.choices["dataset"]
    if config.download:
        fetch_dataset(chosen, config.dataset.root, config.mirror)
    dataset = build(config.dataset)
    path = Path(config.out) / f"{config.name or chosen}.json"
    if config.check:
        prepare_checked(dataset, path, config.skip_missing, config.images, config.decode, config.workers)
    else:
        prepare(dataset, path, config.skip_missing)


if __name__ == "__main__":
    main()
