"""Looks at pages, several at a time and each at several sizes: what is wrong with them, in words."""

import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Error, sync_playwright

from billing.tests.browser.conftest import AXE, watch
from billing.tests.browser.windows import AT_REST, DRAWN
from cleverai.tests.browser.pages import Visit

BROWSERS = 2
#: So many pages are looked at with one window before another one is opened.
PAGES_A_WINDOW = 8
#: An A4 page between its margins, in CSS pixels.
PAPER_WIDTH = 680
#: What the browser itself writes for an answer of 400 and more; expected by whoever expects that answer.
STATUS_COMPLAINT = re.compile(r"console: Failed to load resource: the server responded with a status of (\d+)")
FACTS = """() => ({
    width: document.documentElement.scrollWidth,
    room: document.documentElement.clientWidth,
    headings: document.querySelectorAll("h1").length,
})"""
VIOLATIONS = """async ([everywhere, contrast, within]) => {
    const found = [await axe.run(document, everywhere), await axe.run(within, contrast)];
    return found.flatMap(({violations}) => violations).map(
        ({id, help, nodes}) => `axe ${id}: ${help}: ` + nodes.map((node) => node.html.slice(0, 160)).join(" | "));
}"""
#: Colours take axe longer than all else together: a long table's first rows tell them.
ALL_BUT_COLOURS = {**AXE, "rules": {"color-contrast": {"enabled": False}}}
COLOURS = {**AXE, "runOnly": ["color-contrast"]}
FIRST_ROWS = {"exclude": ["tbody tr:nth-child(n+9)"]}
STICKS_OUT = """() => {
    const scrolls = (part) => part && (getComputedStyle(part).overflowX !== "visible" || scrolls(part.parentElement));
    return Array.from(document.querySelectorAll("body *"))
        .filter((part) => part.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
        .filter((part) => !scrolls(part.parentElement))
        .slice(0, 3).map((part) => part.outerHTML.slice(0, 120)).join(" | ");
}"""
ON_PAPER = """() => Array.from(document.querySelectorAll("nav, .site-header, .site-footer, button, .button"))
    .filter((part) => part.checkVisibility({visibilityProperty: true}) && part.getClientRects().length)
    .map((part) => part.outerHTML.slice(0, 80))"""


@dataclass(frozen=True, slots=True)
class Size:
    """A window, by day or by night."""

    width: int
    scheme: Any

    def __str__(self) -> str:
        return f"{self.width} {self.scheme}"


@dataclass(frozen=True, slots=True)
class Task:
    """A visit at its full address, with whose cookies."""

    visit: Visit
    address: str
    cookies: SimpleCookie


@dataclass
class Lookers:
    """Browsers that look at pages of `site` side by side; none of them may call other `sites`."""

    site: str
    sites: set[str]
    launch: dict[str, Any]
    sizes: Sequence[Size]
    thorough: bool = False
    titles: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def look(self, tasks: Iterable[Task]) -> list[str]:
        """Return what is wrong with the pages."""
        by_person: dict[str, list[Task]] = defaultdict(list)
        for task in tasks:
            by_person[task.visit.person].append(task)
        shares = [
            theirs[start : start + PAGES_A_WINDOW]
            for theirs in by_person.values()
            for start in range(0, len(theirs), PAGES_A_WINDOW)
        ]
        waiting = iter(sorted(shares, key=len, reverse=True))
        lock = threading.Lock()

        def work(_: int) -> list[str]:
            wrong = []
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(**self.launch)
                while True:
                    with lock:
                        share = next(waiting, None)
                    if share is None:
                        browser.close()
                        return wrong
                    wrong += self._look_at_share(browser, share)

        with ThreadPoolExecutor(BROWSERS) as pool:
            wrong = [found for each in pool.map(work, range(BROWSERS)) for found in each]
        shared = [
            f"“{title}” is the title of {patterns}" for title, patterns in self.titles.items() if len(patterns) > 1
        ]
        return sorted(wrong) + shared

    def _look_at_share(self, browser: Browser, tasks: list[Task]) -> list[str]:
        context = browser.new_context(reduced_motion="reduce")
        watcher = Watcher(context, watch(context, self.sites), FIRST_ROWS if not self.thorough else {})
        wrong = []
        for task in tasks:
            context.clear_cookies()
            given = [(morsel.key, morsel.value) for morsel in task.cookies.values()]
            context.add_cookies([{"name": name, "value": value, "url": self.site} for name, value in given])
            wrong += watcher.look(self.site, task, self.sizes)
            if task.visit.pattern:
                self.titles[watcher.title].add(task.visit.pattern)
        context.close()
        return wrong


class Watcher:
    """One window, and what the browser complained about in it."""

    def __init__(self, context: BrowserContext, complaints: list[str], within: dict[str, list[str]]) -> None:
        self._page = context.new_page()
        self._complaints = complaints
        self._within = within
        self.title = ""

    def look(self, site: str, task: Task, sizes: Sequence[Size]) -> list[str]:
        """Open the page once, look at it at each size and on paper, and return what is wrong."""
        self._complaints.clear()
        self._show_at(sizes[0])
        try:
            wrong = self._open(site, task)
            self._page.evaluate(AXE_SCRIPT)
            for size in sizes:
                self._show_at(size)
                wrong += [f"{size}: {problem}" for problem in self._look_at()]
            wrong += [f"on paper: {problem}" for problem in self._look_on_paper()]
        except Error as error:
            wrong = [str(error).partition("\n")[0]]
        return [f"{task.visit}: {problem}" for problem in [*wrong, *self._complaints_but(task.visit.status)]]

    def _open(self, site: str, task: Task) -> list[str]:
        answer = self._page.goto(f"{site}{task.address}")
        self._page.wait_for_function(AT_REST)
        self.title = self._page.title()
        wrong = []
        if answer is None or answer.status != task.visit.status:
            wrong.append(f"answered {answer.status if answer else 'nothing'}")
        if self._page.url.removeprefix(site) != task.address:
            wrong.append(f"led to {self._page.url.removeprefix(site)}")
        return wrong

    def _show_at(self, size: Size) -> None:
        self._page.set_viewport_size({"width": size.width, "height": 800})
        self._page.emulate_media(media="screen", color_scheme=size.scheme)
        self._page.evaluate(DRAWN)

    def _look_at(self) -> list[str]:
        facts = self._page.evaluate(FACTS)
        wrong = self._page.evaluate(VIOLATIONS, [ALL_BUT_COLOURS, COLOURS, self._within])
        if facts["width"] > facts["room"]:
            wrong.append(f"{facts['width']} px wide: {self._page.evaluate(STICKS_OUT)}")
        if facts["headings"] != 1:
            wrong.append(f"{facts['headings']} main headings")
        return list(wrong)

    def _look_on_paper(self) -> list[str]:
        self._page.set_viewport_size({"width": PAPER_WIDTH, "height": 960})
        self._page.emulate_media(media="print", color_scheme="light")
        facts = self._page.evaluate(FACTS)
        wrong = [f"{part} is printed" for part in self._page.evaluate(ON_PAPER)]
        if facts["width"] > facts["room"]:
            wrong.append(f"{facts['width']} px wide: {self._page.evaluate(STICKS_OUT)}")
        return wrong

    def _complaints_but(self, status: int) -> list[str]:
        expected = [STATUS_COMPLAINT.match(complaint) for complaint in self._complaints]
        return [
            complaint
            for complaint, found in zip(self._complaints, expected, strict=True)
            if not (found and int(found[1]) == status)
        ]
