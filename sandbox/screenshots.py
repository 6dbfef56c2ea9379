"""`make screenshots`: pictures of the running demo's pages, for the documents."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Picture:
    """A page as somebody sees it; `follow` is a link to click there first."""

    person: Person | None
    name: str
    path: str
    follow: str = ""


PICTURES = [
    Picture(None, "landing", "/"),
    Picture(None, "credits", "/credits/"),
    Picture(None, "pricing", "/pricing/"),
    Picture(None, "sign-up", "/accounts/signup/"),
    Picture(BOB, "home", "/"),
    Picture(BOB, "overview", "/settings/billing/"),
    Picture(BOB, "usage", "/settings/billing/usage/"),
    Picture(BOB, "history", "/settings/billing/history/"),
    Picture(BOB, "receipt", "/settings/billing/history/?feature=gpt-4o", "main table a"),
    Picture(BOB, "receipt-workflow", "/settings/billing/history/?feature=workflow-execution", "main table a"),
    Picture(BOB, "insights", "/settings/billing/insights/"),
    Picture(BOB, "plans", "/settings/billing/plans/"),
    Picture(BOB, "buy", "/settings/billing/buy/"),
    Picture(BOB, "chatbots", "/chatbots/"),
    Picture(BOB, "support", "/support/"),
    Picture(BOB, "notifications", "/settings/billing/notifications/"),
    Picture(BOB, "preferences", "/settings/billing/preferences/"),
    Picture(BOB, "security", "/accounts/2fa/"),
    Picture(ALICE, "overview-low", "/settings/billing/"),
    Picture(ALICE, "insights-free", "/settings/billing/insights/"),
    Picture(CARLA, "overview-unlimited", "/settings/billing/"),
    Picture(STELLA, "staff", "/admin/"),
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
                pictures = [picture for picture in PICTURES if picture.person is person]
                taken += _take_for(browser, site, person, width, theme, pictures)
        browser.close()
    return taken


def _take_for(
    browser: Browser, site: str, person: Person | None, width: int, theme: str, pictures: list[Picture]
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
    for picture in pictures:
        page.goto(f"{site}{picture.path}")
        if picture.follow:
            page.locator(picture.follow).first.click()
            page.wait_for_load_state("networkidle")
        page.screenshot(path=FOLDER / f"{picture.name}-{width}-{theme}.png", full_page=width > 400)
    context.close()
    return len(pictures)
