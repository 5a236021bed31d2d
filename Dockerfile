# halve as a container: `docker build -t halve .`, `docker run -p 8000:8000 -v halve:/data halve`.
# The same image is server (`serve`, the default), worker (`worker`) and whatever else the command line does.

FROM python:3.13-slim-bookworm AS build
# A compiler for the requantiser in C; it stays behind in this stage.
# hadolint ignore=DL3008 - Debian keeps one version at a time, so a pinned one is gone tomorrow
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
# The uv that tools/environment brings, too.
RUN pip install --no-cache-dir uv==0.13.8
ENV UV_PROJECT_ENVIRONMENT=/opt/halve UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_CACHE=1
WORKDIR /src
# What is depended on changes less often than what is written here, so it is a layer of its own.
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --extra all --no-install-project
COPY setup.py MANIFEST.in README.md LICENSE ./
COPY src ./src
RUN uv sync --frozen --no-dev --extra all --no-editable

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --create-home halve
COPY --from=build /opt/halve /opt/halve
ENV PATH=/opt/halve/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HALVE_DATA_DIR=/data \
    HALVE_HOST=0.0.0.0 \
    HALVE_PORT=8000
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
# SIGTERM: images in work are ended or handed back within ten seconds.
STOPSIGNAL SIGTERM
# Of the server; a worker has another (compose.yaml), or none.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['HALVE_PORT']}/healthz\", timeout=4)"]
ENTRYPOINT ["halve"]
CMD ["serve"]
