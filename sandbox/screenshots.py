"""`make screenshots`: pictures of the running demo's pages, for the documents."""

import os
import time
from collections.abc import Iterable
from io import BytesIO
from itertools import groupby
from typing import Any

from django.urls import reverse
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from sandbox import authenticator, chromium
from sandbox.environment import ROOT
from sandbox.errors import SandboxError
from sandbox.pictures import EVERY_SIZE, PAPER, PICTURES, SECTIONS, Picture, Size
from sandbox.sample_data import states
from sandbox.sample_data.people import PASSWORD, Person

FOLDER = ROOT / "docs" / "screenshots"
GALLERY = ROOT / "docs" / "README.md"
COLOURS = 128
#: What is longer ends here, in pixels.
HIGHEST = 4_000
#: Cookies as the browser tells them and takes them again
Sessions = dict[Person, list[Any]]
INTRODUCTION = """# What it looks like

Every page and state, as `make screenshots` takes them from the running demo: on a desk and on a phone, by day and
by night.
"""


def take(site: str, *, only: Iterable[str] = ()) -> int:
    """Take the pictures (those named in `only`, or all) and write the gallery; return how many pictures there are."""
    executable = chromium.find_or_install()
    if not executable:
        raise SandboxError(chromium.advice())
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Playwright keeps an event loop in this thread, where Django would refuse to look up the codes of staff.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    states.load(now=timezone.now())
    wanted = [picture for picture in PICTURES if not only or picture.name in only]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=chromium.FLAGS)
        known: Sessions = {}
        taken = sum(_take_at(browser, site, size, wanted, known) for size in (*EVERY_SIZE, *PAPER))
        browser.close()
    GALLERY.write_text(gallery())
    return taken


def gallery() -> str:
    """Return the page that shows all pictures: the desk by day, with a link to each other size."""
    lines = [INTRODUCTION]
    for title, pictures in SECTIONS.items():
        lines.append(f"## {title}\n")
        for picture in pictures:
            first, *others = [
                (f"{width} px, {theme}", _file(picture, (width, theme))) for width, theme in picture.sizes
            ]
            links = " · ".join(f"[{size}](screenshots/{file})" for size, file in others)
            lines.append(f"**{picture.caption}**{f' · {links}' if links else ''}\n")
            lines.append(f"![{picture.caption}](screenshots/{first[1]})\n")
    return "\n".join(lines)


def _take_at(browser: Browser, site: str, size: Size, wanted: list[Picture], known: Sessions) -> int:
    """Take all pictures of one size, with one window for each person; `known` keeps who has signed in."""
    pictures = [picture for picture in wanted if size in picture.sizes]
    pictures.sort(key=lambda picture: picture.person.email if picture.person else "")
    for person, theirs in groupby(pictures, key=lambda picture: picture.person):
        context = _window(browser, size)
        if person:
            _sign_in(context, site, person, known)
        for picture in theirs:
            page = context.new_page()
            _take(page, site, picture, size)
            page.close()
            if person and not context.cookies():
                _sign_in(context, site, person, known)
        context.close()
    return len(pictures)


def _window(browser: Browser, size: Size) -> BrowserContext:
    width, theme = size
    return browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )


def _sign_in(context: BrowserContext, site: str, person: Person, known: Sessions) -> None:
    """Sign in once, staff with the code of the moment, which is good for one time; later windows share the session."""
    if person in known:
        context.add_cookies(known[person])
        return
    page = context.new_page()
    page.goto(f"{site}/accounts/login/")
    page.fill("input[name=login]", person.email)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    if person.is_staff:
        page.wait_for_url(f"{site}{reverse('mfa_authenticate')}")
        shown = authenticator.codes(now=time.time())
        page.fill("input[name=code]", next(row.code for row in shown if row.user.email == person.email))
        page.locator("main form", has=page.locator("input[name=code]")).locator("button[type=submit]").click()
    page.wait_for_url(f"{site}/")
    page.close()
    known[person] = list(context.cookies())


def _take(page: Page, site: str, picture: Picture, size: Size) -> None:
    page.goto(f"{site}{picture.path}")
    if picture.follow:
        page.locator(picture.follow).first.click()
    if picture.act:
        picture.act(page)
    page.wait_for_load_state("networkidle")
    if picture.is_printed:
        page.emulate_media(media="print", color_scheme="light")
    _keep(page.screenshot(**_extent(page, size[0])), _file(picture, size))


def _extent(page: Page, width: int) -> dict[str, Any]:
    """Return how much is shown: on a phone its screen, on a desk the whole page, if it isn't a book."""
    if width <= 400:
        return {}
    height = min(page.evaluate("document.documentElement.scrollHeight"), HIGHEST)
    return {"full_page": True, "clip": {"x": 0, "y": 0, "width": width, "height": height}}


def _keep(png: bytes, name: str) -> None:
    """Write a picture with as few colours as it needs: a page has few, and the documents stay small."""
    image = Image.open(BytesIO(png)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(FOLDER / name, optimize=True)


def _file(picture: Picture, size: Size) -> str:
    return f"{picture.name}-{size[0]}-{size[1]}.png"
