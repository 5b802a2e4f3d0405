# One image for every process; compose.yaml says which command each runs.
# Bases are named by minor version and no digest: build anew every week, and their security fixes are in. Our own images
# are tagged by version (crewcard-xero:0.1.0) and never moved: what runs is known, and going back is naming the one before.
FROM python:3.13 AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/crewcard-xero
WORKDIR /app
COPY requirements.txt .
RUN /opt/crewcard-xero/bin/pip install --require-hashes --requirement requirements.txt
COPY . .
RUN /opt/crewcard-xero/bin/pip install --no-build-isolation --no-deps --editable . \
    && /opt/crewcard-xero/bin/python -m compileall -q /app

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin crewcard
COPY --from=build /opt/crewcard-xero /opt/crewcard-xero
COPY --from=build /app /app
ENV PATH=/opt/crewcard-xero/bin:$PATH PYTHONUNBUFFERED=1 LOG_FORMAT=json WEB_HOST=0.0.0.0
ARG BUILD_ID=unknown
ENV BUILD_ID=$BUILD_ID
WORKDIR /app
USER 10001
EXPOSE 8700
CMD ["python", "-m", "web.main"]
