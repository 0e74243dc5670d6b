# CPU:   docker build -t bytetrack .
# CUDA:  docker build -t bytetrack:cuda --build-arg BASE=nvidia/cuda:12.8.1-base-ubuntu24.04 --build-arg TORCH_INDEX= .
# Use:   docker run --rm -v "$PWD:/work" bytetrack demo source=street.mp4 weights=yolox_s.pth     (CUDA: with --gpus all)
# Train: with --ipc=host too: batches come from the loading processes through /dev/shm, of which a container has 64 MB
ARG BASE=python:3.12-slim-bookworm
FROM ${BASE}
# Where torch's wheels come from: the CPU's are a tenth of the size. Empty: the usual index, with CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=onnx

# What OpenCV links to, and a Python where the base has none.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 libxcb1 ca-certificates \
 && (python3 -c "import ensurepip" || apt-get install -y --no-install-recommends python3 python3-venv) \
 && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/bytetrack
ENV PATH=/opt/bytetrack/bin:$PATH

# torch alone first: it changes less often than the code.
RUN if [ -n "$TORCH_INDEX" ]; then pip install --no-cache-dir "torch>=2.6" "torchvision>=0.21" --index-url "$TORCH_INDEX"; fi
COPY . /src
RUN pip install --no-cache-dir "/src[$EXTRAS]" && pip check && python -m bytetrack.tracking && rm -rf /src

RUN useradd --create-home tracker
USER tracker
WORKDIR /work
ENTRYPOINT ["bytetrack"]
CMD ["--help"]
