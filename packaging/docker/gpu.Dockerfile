# As cpu.Dockerfile, with CUDA libraries, the newest that the pinned TensorFlow takes; the driver is the machine's
# (docker run --gpus all):
# docker build --file packaging/docker/gpu.Dockerfile --tag danq:0.1.0-gpu .
# Any Debian or Ubuntu with a Python >= 3.11 and its `venv` will do as BASE.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}

# Nextflow and Galaxy ask `ps` how their jobs get on
RUN apt-get update \
    && apt-get install --yes --no-install-recommends procps \
    && rm -rf /var/lib/apt/lists/*

# more options of pip, such as a mirror: --build-arg PIP_OPTIONS="--index-url https://..."
ARG PIP_OPTIONS=""
COPY . /tmp/danq
RUN python3 -m venv /opt/danq \
    && /opt/danq/bin/pip install --no-cache-dir ${PIP_OPTIONS} --constraint /tmp/danq/constraints.txt "/tmp/danq[gpu]" \
    && rm -rf /tmp/danq

# --user may be anybody, who has no home here
ENV PATH=/opt/danq/bin:$PATH HOME=/tmp
WORKDIR /data
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
CMD ["danq", "--help"]

LABEL org.opencontainers.image.title="danq" org.opencontainers.image.version="0.1.0"
