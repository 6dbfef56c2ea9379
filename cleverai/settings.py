"""All settings, read from the environment; README.md has the table.

Real environment variables win over `.env`, which wins over `.local/env` (the addresses of the embedded servers that
`make demo` started). A missing or malformed value stops the start with a line that names the variable.
"""

from datetime import timedelta
from importlib import import_module
from pathlib import Path
from ssl import CERT_REQUIRED
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError, validate
from redis.maint_notifications import MaintNotificationsConfig

from cleverai import logs, schedule
from cleverai.variables import (
    LOG_LEVELS,
    SANDBOX_KEY,
    STRIPE_API,
    check_folder,
    check_mail_address,
    check_metrics_token,
    check_public_hosts,
    check_redis_url,
    check_sentry_dsn,
    check_site_url,
    check_stripe_key,
    check_webhook_secrets,
    host_of,
    stripe_pages,
    wrong_about_stripe,
)

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env(eager=False)
for env_file in (BASE_DIR / ".env", BASE_DIR / ".local" / "env"):
    if env_file.exists():
        env.read_env(env_file, recurse=False)

ENVIRONMENT = env.str("ENVIRONMENT", default="production", validate=validate.OneOf(["production", "development"]))
DEVELOPMENT = ENVIRONMENT == "development"
DEBUG = env.bool("DEBUG", default=False)


def default_in_development(value: Any) -> dict[str, Any]:
    """Return a default for a development machine; a public one has to say what it wants."""
    return {"default": value} if DEVELOPMENT else {}


SECRET_KEY = env.str("SECRET_KEY", validate=validate.Length(min=50))
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
DATABASE_URL = env.dj_db_url("DATABASE_URL", conn_max_age=600, conn_health_checks=True)
# What DATABASE_URL leads to: PostgreSQL itself, or a pooler that lends a connection for a transaction
DATABASE_POOLING = env.str(
    "DATABASE_POOLING",
    default="none",
    validate=validate.OneOf(["none", "transaction", "transaction-unprepared"]),
)
REDIS_URL = env.str("REDIS_URL", validate=check_redis_url)
# Nobody guesses these two for a public machine: cookies, mails' links and rate limits hang on them.
SITE_URL = env.str("SITE_URL", validate=check_site_url, **default_in_development("http://127.0.0.1:8000"))
TRUSTED_PROXY_COUNT = env.int(
    "TRUSTED_PROXY_COUNT", validate=validate.Range(min=0, max=10), **default_in_development(0)
)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[], validate=None if DEVELOPMENT else check_public_hosts)
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
EMAIL = env.dj_email_url("EMAIL_URL", default="smtp://127.0.0.1:25")
DEFAULT_FROM_EMAIL = env.str(
    "DEFAULT_FROM_EMAIL",
    default="CleverAI <billing@cleverai.example>",
    validate=validate.Regexp(r".*[^@<\s]@[^@>\s]", error="It must be an e-mail address, with a name or without."),
)
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", validate=check_stripe_key, **default_in_development(SANDBOX_KEY))
# Without a key of its own, a development machine sells through the sandbox, which plays Stripe.
IN_SANDBOX = DEVELOPMENT and STRIPE_SECRET_KEY == SANDBOX_KEY
STRIPE_API_BASE = env.str(
    "STRIPE_API_BASE", default="http://127.0.0.1:12111" if IN_SANDBOX else STRIPE_API, validate=check_site_url
)
STRIPE_WEBHOOK_SECRETS: list[str] = env.list(
    "STRIPE_WEBHOOK_SECRETS",
    validate=check_webhook_secrets,
    **(default_in_development(["whsec_sandbox_clever_credits"]) if IN_SANDBOX else {}),
)
# Where files wait to be fetched: one place for web and workers
EXPORTS_DIR = env.str(
    "EXPORTS_DIR", validate=check_folder, **default_in_development(str(BASE_DIR / ".local" / "exports"))
)
SALES_EMAIL = env.str("SALES_EMAIL", validate=check_mail_address, **default_in_development("sales@cleverai.example"))
# What a member of staff may move alone in 24 hours, in whole credits and in US cents; above it a second person approves
STAFF_LIMIT_CREDITS = env.int("STAFF_LIMIT_CREDITS", default=5_000, validate=validate.Range(min=0, max=10**12))
STAFF_LIMIT_CENTS = env.int("STAFF_LIMIT_CENTS", default=10_000, validate=validate.Range(min=0, max=10**9))
# How often the sweeps look for what the queue has lost
CLOCKWORK_SECONDS = env.int("CLOCKWORK_SECONDS", default=60, validate=validate.Range(min=1, max=60))
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO", validate=validate.OneOf(LOG_LEVELS))
# Without these two, nobody is told anything, and the libraries for it are not loaded
SENTRY_DSN = env.str("SENTRY_DSN", default="", validate=check_sentry_dsn)
METRICS_TOKEN = env.str("METRICS_TOKEN", default="", validate=check_metrics_token)
HSTS_SECONDS = env.int("HSTS_SECONDS", default=31_536_000, validate=validate.Range(min=0))

try:
    env.seal()
except EnvError as error:
    problems = getattr(error, "error_messages", {"environment": [str(error)]})
    lines = [f"  {name}: {' '.join(map(str, messages))}" for name, messages in problems.items()]
    raise ImproperlyConfigured(
        "CleverAI can't start, because of these environment variables:\n"
        + "\n".join(lines)
        + "\nREADME.md lists them all; `make demo` needs none of them."
    ) from None

ALLOWED_HOSTS = ALLOWED_HOSTS or [host_of(SITE_URL), *(["127.0.0.1", "localhost"] if DEVELOPMENT else [])]

if DEBUG and not DEVELOPMENT:
    raise ImproperlyConfigured("DEBUG shows the product's inside to anybody: it needs ENVIRONMENT=development.")

if wrong := wrong_about_stripe(key=STRIPE_SECRET_KEY, api_base=STRIPE_API_BASE, is_development=DEVELOPMENT):
    raise ImproperlyConfigured(wrong)

# --- what is installed -------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "cleverai.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sitemaps",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "lucide",
    "template_partials",
    "accounts",
    "billing",
]

MIDDLEWARE = [
    "cleverai.middleware.TracingMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "cleverai.middleware.ProgramsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "cleverai.middleware.OutageMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.SessionActivityMiddleware",
    "cleverai.middleware.PrivatePagesMiddleware",
    # after what notes whose session it is, before what asks whose page it is
    "cleverai.seeing_as.SeeingAsMiddleware",
    "accounts.middleware.TimeZoneMiddleware",
]

if METRICS_TOKEN:
    MIDDLEWARE.insert(1, "cleverai.metrics.MetricsMiddleware")

ROOT_URLCONF = "cleverai.urls"
WSGI_APPLICATION = "cleverai.wsgi.application"
ASGI_APPLICATION = "cleverai.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "cleverai.context.site",
            ],
        },
    },
]

# --- data --------------------------------------------------------------------------------------------------------

DATABASES = {"default": DATABASE_URL}
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured("DATABASE_URL must point at PostgreSQL (postgresql://…); the ledger needs its locks.")
# Only the quick way's statements ask to be prepared (billing/services/quick.py); Django's own cursor never is.
PREPARE_THRESHOLD = None if DATABASE_POOLING == "transaction-unprepared" else 5
DATABASES["default"].setdefault("OPTIONS", {}).update({"prepare_threshold": PREPARE_THRESHOLD, "connect_timeout": 5})
# A cursor of the server's outlives the transaction that a pooler lends a connection for
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = DATABASE_POOLING != "none"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cleverai",
        "OPTIONS": {
            "socket_connect_timeout": 1,
            "socket_timeout": 2,
            # announcements that Valkey never makes; being ready for them keeps a thread's connections beyond its end
            "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        },
    }
}
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())

# --- people ------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"

ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "add_email": "accounts.forms.AddEmailForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "login": "accounts.forms.LoginForm",
    "reauthenticate": "accounts.forms.ReauthenticateForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordKeyForm",
    "set_password": "accounts.forms.SetPasswordForm",
    "signup": "accounts.forms.SignupForm",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = False
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = SITE_URL.partition("://")[0]
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
MFA_ADAPTER = "accounts.adapter.MFAAdapter"
MFA_FORMS = {
    "activate_totp": "accounts.forms.ActivateTOTPForm",
    "add_webauthn": "accounts.forms.AddPasskeyForm",
    "authenticate": "accounts.forms.AuthenticateForm",
    "authenticate_webauthn": "accounts.forms.AuthenticateByPasskeyForm",
    "login_webauthn": "accounts.forms.LoginByPasskeyForm",
    "reauthenticate": "accounts.forms.ReauthenticateByCodeForm",
    "reauthenticate_webauthn": "accounts.forms.ReauthenticateByPasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "CleverAI"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEVELOPMENT
USERSESSIONS_TRACK_ACTIVITY = True

# --- language and time: everything is stored and computed in UTC, shown in the user's zone -----------------------

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# --- files, mail, tasks ------------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / ".local" / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEVELOPMENT
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
    # No address leads there: billing/views/export_files.py asks who wants a file
    "exports": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": EXPORTS_DIR,
            "base_url": None,
            "file_permissions_mode": 0o640,
            "directory_permissions_mode": 0o750,
        },
    },
}
WHITENOISE_USE_FINDERS = DEVELOPMENT
WHITENOISE_ALLOW_ALL_ORIGINS = False

if "EMAIL_BACKEND" not in EMAIL:
    raise ImproperlyConfigured("EMAIL_URL must start with smtp:// or submission:// (SMTP with STARTTLS).")
EMAIL_BACKEND = EMAIL["EMAIL_BACKEND"]
EMAIL_HOST = EMAIL["EMAIL_HOST"]
EMAIL_PORT = EMAIL["EMAIL_PORT"]
EMAIL_HOST_USER = EMAIL["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = EMAIL["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS = EMAIL["EMAIL_USE_TLS"]
EMAIL_USE_SSL = EMAIL["EMAIL_USE_SSL"]
EMAIL_TIMEOUT = 20
SERVER_EMAIL = DEFAULT_FROM_EMAIL

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT = "cleverai.celery:Transport"
# As the cache does: a rediss:// without options of its own would believe anybody's certificate, or encrypt nothing
CELERY_BROKER_USE_SSL = {"ssl_cert_reqs": CERT_REQUIRED} if REDIS_URL.startswith("rediss://") else None
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# After an outage of the queue, however long, workers and beat come back by themselves
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    # somebody may be waiting for the request that sends a hint; a worker's own question takes a second at most
    "socket_timeout": 3,
    "socket_connect_timeout": 2,
    # a hint gives up at once when the broker is away: the sweeper finds the row
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
}
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 240
CELERY_TASK_SOFT_TIME_LIMIT = 200
# A workbook of millions of lines takes its time; a worker that hangs is found out by its silence (services/exports.py)
CELERY_TASK_ANNOTATIONS = {"billing.tasks.write_export": {"time_limit": 3_600, "soft_time_limit": 3_500}}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(BASE_DIR / ".local" / "celerybeat-schedule")
PERIODIC_TASKS = schedule.periodic_tasks(sweep=timedelta(seconds=CLOCKWORK_SECONDS))
CELERY_BEAT_SCHEDULE = schedule.beat_schedule(PERIODIC_TASKS)

# --- safety ------------------------------------------------------------------------------------------------------

SECURE = SITE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_NAME = "__Host-session" if SECURE else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "cleverai.views.csrf_failure"
SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = HSTS_SECONDS if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        # a form that leads to Checkout or the Customer Portal is a redirect there
        "form-action": [SELF, *stripe_pages(STRIPE_API_BASE)],
    },
}

LOGGING = logs.configuration(level=LOG_LEVEL, as_json=not DEVELOPMENT)
if SENTRY_DSN:
    import_module("cleverai.reports").start(dsn=SENTRY_DSN, environment=ENVIRONMENT)

# --- development: the sandbox app, and mails that can be read in the browser -------------------------------------

if DEVELOPMENT:
    INSTALLED_APPS += ["sandbox", "django_mail_viewer", "django_mail_viewer.backends.database"]
    EMAIL_BACKEND = "django_mail_viewer.backends.database.backend.EmailBackend"
    WHITENOISE_AUTOREFRESH = True
    MEDIA_ROOT = BASE_DIR / ".local" / "media"
