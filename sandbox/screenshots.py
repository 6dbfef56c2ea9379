"""`make screenshots`: pictures of the running demo's pages, for the documents."""

from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from sandbox import chromium
from sandbox.environment import ROOT
from sandbox.errors import SandboxError
from sandbox.sample_data.people import ALICE, BOB, CARLA, PASSWORD, STELLA, Person

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
FOLDER = ROOT / "docs" / "screenshots"
SIZES = [(1280, "light"), (1280, "dark"), (320, "light"), (320, "dark")]
PAGES: list[tuple[Person | None, str, str]] = [
    (None, "landing", "/"),
    (None, "sign-up", "/accounts/signup/"),
    (BOB, "home", "/"),
    (BOB, "overview", "/settings/billing/"),
    (BOB, "usage", "/settings/billing/usage/"),
    (BOB, "history", "/settings/billing/history/"),
    (BOB, "security", "/accounts/2fa/"),
    (ALICE, "overview-low", "/settings/billing/"),
    (CARLA, "overview-unlimited", "/settings/billing/"),
    (STELLA, "staff", "/admin/"),
]


def take(site: str) -> int:
    """Take every picture in every size and theme; return how many. `site` is the demo's address."""
    executable = chromium.find_or_install()
    if not executable:
        raise SandboxError(chromium.advice())
    FOLDER.mkdir(parents=True, exist_ok=True)
    taken = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        for width, theme in SIZES:
            for person in (None, ALICE, BOB, CARLA, STELLA):
                pages = [(name, path) for owner, name, path in PAGES if owner is person]
                taken += _take_for(browser, site, person, width, theme, pages)
        browser.close()
    return taken


def _take_for(
    browser: Browser, site: str, person: Person | None, width: int, theme: str, pages: list[tuple[str, str]]
) -> int:
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    if person:
        page.goto(f"{site}/accounts/login/")
        page.fill("input[name=login]", person.email)
        page.fill("input[name=password]", PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_url(f"{site}/")
    for name, path in pages:
        page.goto(f"{site}{path}")
        picture = Path(FOLDER, f"{name}-{width}-{theme}.png")
        page.screenshot(path=picture, full_page=width > 400)
    context.close()
    return len(pages)
