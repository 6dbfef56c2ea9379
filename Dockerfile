# One image for web, worker, beat and migrations; docs/operations.md says how it is deployed.

FROM python:3.11-slim-bookworm AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
RUN python -m venv /opt/venv
COPY requirements.txt /tmp/
# Every package is a wheel whose hash is known: nothing is compiled here, and nothing else gets in.
RUN /opt/venv/bin/pip install --require-hashes --only-binary :all: -r /tmp/requirements.txt


FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 cleverai \
    && useradd --uid 10001 --gid cleverai --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin cleverai \
    && install --directory --owner cleverai --group cleverai --mode 0750 /srv/exports
COPY --from=packages /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 PORT=8000 EXPORTS_DIR=/srv/exports
WORKDIR /app
COPY manage.py ./
COPY accounts accounts
COPY billing billing
COPY cleverai cleverai
COPY static static
COPY templates templates
# Collecting static files asks nobody: these values lead nowhere, and none of them stays in the image.
RUN SECRET_KEY=only-while-the-image-is-built-and-never-used-afterwards \
    DATABASE_URL=postgresql://nobody@localhost/none \
    REDIS_URL=redis://localhost/0 \
    SITE_URL=https://build.invalid \
    TRUSTED_PROXY_COUNT=0 \
    STRIPE_SECRET_KEY=rk_test_none \
    STRIPE_WEBHOOK_SECRETS=whsec_none \
    SALES_EMAIL=nobody@build.invalid \
    python manage.py collectstatic --no-input --verbosity 0 \
    && python -m compileall -q accounts billing cleverai
USER cleverai
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["python", "cleverai/healthcheck.py"]
CMD ["gunicorn", "--config", "python:cleverai.gunicorn", "cleverai.wsgi"]
