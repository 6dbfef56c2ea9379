from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = "Credits"

    def ready(self) -> None:
        from billing import checks, receivers  # noqa: F401, PLC0415  (they register themselves; models must be loaded)
