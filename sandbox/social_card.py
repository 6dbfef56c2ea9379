"""`python -m sandbox social-card`: the picture that other sites show beside a link to us, drawn from its SVG."""

from pathlib import Path

from playwright.sync_api import sync_playwright

from sandbox import chromium
from sandbox.environment import ROOT
from sandbox.errors import SandboxError

WIDTH, HEIGHT = 1200, 630
DRAWING = Path(__file__).with_name("social_card.svg")
PICTURE = ROOT / "static" / "img" / "social-card.png"
LARGEST_BYTES = 100_000


def draw(picture: Path = PICTURE) -> Path:
    """Write the picture as PNG and return where it is; raises SandboxError without Chromium, or if it is too heavy."""
    executable = chromium.find_or_install()
    if not executable:
        raise SandboxError(chromium.advice())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(DRAWING.as_uri())
        page.screenshot(path=picture)
        browser.close()
    if picture.stat().st_size > LARGEST_BYTES:
        raise SandboxError(f"{picture.name} has more than {LARGEST_BYTES:,} bytes.")
    return picture
