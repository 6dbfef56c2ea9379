"""What search engines are told: which pages are public, under the site's own name."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.sitemaps import Sitemap
from django.contrib.sitemaps.views import sitemap
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

PUBLIC_PAGES = ("home", "credits", "pricing", "api_reference")
NOT_FOR_CRAWLERS = (
    "/accounts/", "/admin/", "/chatbots/", "/settings/", "/stripe/", "/support/", "/credits/calculator/",
)  # fmt: skip


class PublicPages(Sitemap):  # type: ignore[type-arg]  # generic in the stubs only
    """The pages that everybody may read, named as SITE_URL names us and not as a request does."""

    protocol = str(settings.SITE_URL).partition("://")[0]

    def items(self) -> list[str]:
        return list(PUBLIC_PAGES)

    def location(self, item: str) -> str:
        return reverse(item)

    def get_domain(self, site: object = None) -> str:
        return str(settings.SITE_URL).partition("://")[2]


@require_safe
@login_not_required
def site_map(request: HttpRequest) -> HttpResponse:
    """List the public pages."""
    answer: HttpResponse = sitemap(request, {"pages": PublicPages})
    return answer


@require_safe
@login_not_required
def robots(request: HttpRequest) -> HttpResponse:
    """Say where there is nothing for crawlers, and where the list of pages is."""
    lines = [
        "User-agent: *",
        *(f"Disallow: {path}" for path in NOT_FOR_CRAWLERS),
        "",
        f"Sitemap: {settings.SITE_URL}{reverse('site_map')}",
        "",
    ]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")
