FROM python:3.13-slim AS build

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY static static
COPY ytproxy ytproxy

# The venv gets no pip of its own: the server has no use for one.
RUN pip wheel --disable-pip-version-check --no-cache-dir --no-deps --wheel-dir /dist . \
    && python -m venv --without-pip /opt/venv \
    && pip --disable-pip-version-check --python /opt/venv/bin/python install --no-cache-dir /dist/*.whl


FROM python:3.13-slim

LABEL org.opencontainers.image.title="ytproxy" \
      org.opencontainers.image.description="Keeps YouTube out of a page until the visitor asks for it" \
      org.opencontainers.image.licenses="MIT"

# The numbers are fixed, so that the owner of a mounted cache can be set from outside.
RUN groupadd --gid 10001 ytproxy \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ytproxy \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/cache/ytproxy

COPY --from=build /opt/venv /opt/venv

# The root file system may be mounted read-only: only the cache (and /tmp) is ever written.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    YTPROXY_HOST=0.0.0.0 \
    YTPROXY_PORT=8080 \
    YTPROXY_CACHE_DIR=/var/cache/ytproxy

VOLUME /var/cache/ytproxy
EXPOSE 8080
USER 10001:10001
STOPSIGNAL SIGTERM

# An empty ProxyHandler: a proxy for the outside world must not be asked for this container's own port.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:' + os.environ['YTPROXY_PORT'] + '/healthz', timeout=4)"]

ENTRYPOINT ["ytproxy"]
CMD ["serve"]
