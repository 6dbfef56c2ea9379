"""The tables that the staff's pages show of the books."""

from collections.abc import Iterable

from billing.admin.tables import Table, credits_cell, figure, link, list_of, moment, words
from billing.admin.wording import feature_words, left_of, quantity_words, state_of
from billing.models import Chatbot, Grant, Hold, LedgerEntry, Notice, SupportRequest


def entries(rows: Iterable[LedgerEntry], *, title: str = "Entries", wallet_id: int | None = None) -> Table:
    """Return a table of ledger entries; with a wallet's id, a link to all of its entries."""
    return Table(
        title=title,
        columns=["Entry", "Kind", "Feature", "Quantity", "Available", "Held", "Cost", "Available after", "Posted"],
        rows=[
            [
                link(f"#{entry.sequence}", entry),
                words(entry.get_kind_display()),
                words(feature_words(entry.feature_id, entry.priced_as_id)),
                words(quantity_words(entry.quantity, entry.priced_as_id or entry.feature_id)),
                credits_cell(entry.available_change, signed=True),
                credits_cell(entry.held_change, signed=True),
                credits_cell(entry.cost),
                credits_cell(entry.available_after),
                moment(entry.posted_at),
            ]
            for entry in rows
        ],
        empty="No entries yet.",
        all_url=list_of(LedgerEntry, wallet_id) if wallet_id else "",
        all_label="All entries of this wallet",
    )


def grants(rows: Iterable[Grant], *, wallet_id: int) -> Table:
    """Return a table of a wallet's grants."""
    return Table(
        title="Open grants, in burn-down order",
        columns=["Grant", "Given", "Left", "From", "Expires", "State"],
        rows=[
            [
                link(grant, grant),
                credits_cell(grant.amount),
                credits_cell(left_of(grant)),
                moment(grant.effective_at),
                moment(grant.expires_at, missing="Never"),
                words(state_of(grant)),
            ]
            for grant in rows
        ],
        empty="No open grants.",
        all_url=list_of(Grant, wallet_id),
        all_label="All grants of this wallet",
    )


def holds(rows: Iterable[Hold], *, wallet_id: int) -> Table:
    """Return a table of a wallet's holds."""
    return Table(
        title="Open holds",
        columns=["Hold", "Feature", "Quantity", "Held", "Opened", "Until"],
        rows=[
            [
                link(hold, hold),
                words(feature_words(hold.feature_id, hold.priced_as_id)),
                words(quantity_words(hold.quantity, hold.priced_as_id)),
                credits_cell(hold.amount),
                moment(hold.opened_at),
                moment(hold.expires_at),
            ]
            for hold in rows
        ],
        empty="No open holds.",
        all_url=list_of(Hold, wallet_id),
        all_label="All holds of this wallet",
    )


def shares(entry: LedgerEntry) -> Table:
    """Return what an entry did to each of several grants."""
    return Table(
        title="Which grants it touched",
        columns=["Grant", "Left", "Held"],
        rows=[
            [
                link(share.grant, share.grant),
                credits_cell(share.left_change, signed=True),
                credits_cell(share.held_change, signed=True),
            ]
            for share in entry.shares.select_related("grant").order_by("id")
        ],
        empty="",
    )


def lines(entry: LedgerEntry) -> Table:
    """Return the nodes of a workflow run."""
    return Table(
        title="The nodes of the run",
        columns=["Node", "Name", "Feature", "Quantity", "Cost"],
        rows=[
            [
                words(line.position),
                words(line.name),
                words(feature_words(line.feature_id, None) or "A free step"),
                words(quantity_words(line.quantity, line.feature_id)),
                credits_cell(line.cost),
            ]
            for line in entry.lines.order_by("position")
        ],
        empty="",
    )


def notices(rows: Iterable[Notice], *, wallet_id: int) -> Table:
    """Return a table of what a wallet's owner was warned of."""
    return Table(
        title="Warnings",
        columns=["Level", "Cycle", "Available then", "Raised", "Dismissed"],
        rows=[
            [
                link(notice.get_level_display(), notice),
                figure(notice.cycle),
                credits_cell(notice.available),
                moment(notice.raised_at),
                moment(notice.dismissed_at, missing="No"),
            ]
            for notice in rows
        ],
        empty="No warnings yet.",
        all_url=list_of(Notice, wallet_id),
        all_label="All warnings of this wallet",
    )


def chatbots(rows: Iterable[Chatbot], *, wallet_id: int) -> Table:
    """Return a table of a wallet's chatbots."""
    return Table(
        title="Chatbots",
        columns=["Name", "Model", "Added", "State"],
        rows=[
            [
                link(chatbot.name, chatbot),
                words(chatbot.model),
                moment(chatbot.created_at),
                words(chatbot.state.label),
            ]
            for chatbot in rows
        ],
        empty="No chatbots.",
        all_url=list_of(Chatbot, wallet_id),
        all_label="All chatbots of this wallet",
    )


def support_requests(rows: Iterable[SupportRequest]) -> Table:
    """Return a table of what a wallet's owner asked our support."""
    return Table(
        title="Questions to our support",
        columns=["Subject", "Level", "Asked at", "Answered at"],
        rows=[
            [
                link(request.subject, request),
                words(request.get_level_display()),
                moment(request.created_at),
                moment(request.answered_at, missing="Not yet"),
            ]
            for request in rows
        ],
        empty="None.",
    )
