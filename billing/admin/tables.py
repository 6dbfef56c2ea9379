"""Small tables under a row's own page: the newest of what belongs to it, and a link to the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html

from billing.units import format_credits

ROWS = 50


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: words, where they lead, and whether they are a figure."""

    text: str
    url: str = ""
    is_figure: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table; `empty` is what it says without rows, `all_url` where the rest is, `note` how it is meant."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    empty: str
    all_url: str = ""
    all_label: str = ""
    note: str = ""

    @property
    def headings(self) -> list[Cell]:
        """The columns' names, set like what stands below them."""
        first = self.rows[0] if self.rows else [Cell("")] * len(self.columns)
        return [Cell(name, is_figure=cell.is_figure) for name, cell in zip(self.columns, first, strict=True)]


def words(value: object) -> Cell:
    """Return a cell of plain words; None is an empty one."""
    return Cell("" if value is None else str(value))


def moment(value: datetime | None, *, missing: str = "") -> Cell:
    """Return a cell with a time in the reader's zone."""
    return Cell(show_moment(value) if value else missing)


def credits_cell(millicredits: int | None, *, signed: bool = False) -> Cell:
    """Return a figure in credits, with a plus sign before what was added if `signed`."""
    if millicredits is None:
        return Cell("", is_figure=True)
    plus = "+" if signed and millicredits > 0 else ""
    return Cell(f"{plus}{format_credits(millicredits)}", is_figure=True)


def figure(value: int | None) -> Cell:
    """Return a whole number."""
    return Cell("" if value is None else f"{value:,}", is_figure=True)


def link(text: object, row: Model) -> Cell:
    """Return a cell that leads to a row's page."""
    return Cell(str(text), url=page_of(row))


def page_of(row: Model) -> str:
    """Return the address of a row's page."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def anchor(text: object, row: Model) -> str:
    """Return a link to a row's page as HTML."""
    return format_html('<a href="{}">{}</a>', page_of(row), text)


def list_of(model: type[Model], wallet_id: int) -> str:
    """Return the address of the list of one wallet's rows."""
    return f"{reverse(f'admin:{model._meta.app_label}_{model._meta.model_name}_changelist')}?q={wallet_id}"


def show_moment(value: datetime) -> str:
    """Return a time as staff read it, in their own zone: "10 Mar 2025, 09:30:00"."""
    return date_format(timezone.localtime(value), "j M Y, H:i:s")
