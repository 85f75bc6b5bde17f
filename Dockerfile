# The HTTP service, and the emulator: not as root, and on a read-only root file system.
#
#   docker build -t portkey-admin-mcp .
#   docker run --init --read-only --cap-drop ALL -p 127.0.0.1:3000:3000 --env-file .env portkey-admin-mcp
#   docker run --init --read-only --cap-drop ALL -p 127.0.0.1:8788:8788 portkey-admin-mcp emulator
#
# docs/deploy/docker.md shows an .env file, other builders, and a base pinned by its digest.

ARG BASE=python:3.13-slim

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# Before the source, so that a change of the source reinstalls no packages. The packages that build the
# wheel stay in this stage. Only wheels are installed, because there is no compiler.
COPY requirements-runtime.lock requirements-build.lock ./
RUN python -m venv --without-pip /opt/portkey-admin-mcp \
    && pip --python /opt/portkey-admin-mcp install --only-binary :all: --no-deps --require-hashes \
        -r requirements-runtime.lock \
    && pip install --only-binary :all: --no-deps --require-hashes -r requirements-build.lock

COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip wheel --no-index --no-deps --no-build-isolation --wheel-dir dist . \
    && pip --python /opt/portkey-admin-mcp install --no-index --no-deps dist/*.whl


FROM ${BASE}
LABEL org.opencontainers.image.title="portkey-admin-mcp" \
      org.opencontainers.image.description="Administer a Portkey organisation over MCP" \
      org.opencontainers.image.licenses="MIT" \
      io.modelcontextprotocol.server.name="io.github.OWNER/portkey-admin-mcp"

RUN groupadd --gid 10001 mcp \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin mcp \
    && install --directory --owner 10001 --group 10001 --mode 0700 /data
COPY --from=build /opt/portkey-admin-mcp /opt/portkey-admin-mcp
COPY deploy/healthcheck.py /opt/portkey-admin-mcp/healthcheck.py

# pip compiled the bytecode above; at run time nothing is written. MCP_PORT is not set here, because it
# would win over the PORT that Cloud Run and Render set.
ENV PATH=/opt/portkey-admin-mcp/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MCP_HOST=0.0.0.0 \
    PORTKEY_EMULATOR_HOST=0.0.0.0 \
    PORTKEY_STATE_DIR=/data

# For the change journal and approvals, unless they are in Redis. Writable on a read-only root, too.
VOLUME ["/data"]

# By number, because the runAsNonRoot of Kubernetes cannot look up names.
USER 10001:10001
EXPOSE 3000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "/opt/portkey-admin-mcp/healthcheck.py"]
ENTRYPOINT ["portkey-admin-mcp"]
CMD ["http"]
