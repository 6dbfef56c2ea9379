"""The client: one method for each thing the API can do. Amounts are Decimals of credits, quantities whole numbers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

from cleverai_credits.answers import (
    Answer,
    Balance,
    Charged,
    Entry,
    EntryPage,
    Feature,
    Hold,
    Plan,
    Quote,
    Receipt,
    UsageLine,
    UsagePage,
)
from cleverai_credits.decoding import decoded
from cleverai_credits.errors import CreditsError, HoldClosed, Problem, UnexpectedAnswer
from cleverai_credits.filters import Filters
from cleverai_credits.problems import problem_of
from cleverai_credits.requests import Charge, Node, without_empty
from cleverai_credits.transport import Patience, Transport
from cleverai_credits.work import Work

API = "/api/v1"
EVERYTHING = Filters()
OPEN = "open"
T = TypeVar("T", bound=Answer)


class Client:
    """Credits of one wallet: the key owner's own, or with a service's key the wallet that is named.

    A request that gets no answer, or the word that the server is busy, is sent again as `patience` says, with the same
    idempotency key: it is carried out once. Without a `key` each call makes one of its own. Every method raises
    Problems, Unreachable and UnexpectedAnswer. Safe to use from many threads; close it, or use it in a `with` block.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        wallet: int | None = None,
        *,
        patience: Patience | None = None,
        timeout_seconds: float = 10.0,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._wallet = wallet
        headers = {"Authorization": f"Bearer {api_key}", "Accept": "application/json"}
        if wallet is not None:
            headers["Clever-Wallet"] = str(wallet)
        self._transport = Transport(
            base_url=self._base_url + API,
            headers=headers,
            patience=patience or Patience(),
            timeout_seconds=timeout_seconds,
        )

    def __repr__(self) -> str:
        return f"Client({self._base_url!r}, wallet={self._wallet!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    # --- reading -----------------------------------------------------------------------------------------------------

    def balance(self) -> Balance:
        """Return what the wallet has."""
        return self._get(Balance, "/balance")

    def features(self) -> list[Feature]:
        """Return what can be used, with the prices in force."""
        return _listed(Feature, self._transport.send("GET", "/features").body)

    def plans(self) -> list[Plan]:
        """Return the plans."""
        return _listed(Plan, self._transport.send("GET", "/plans").body)

    def usage_page(self, filters: Filters = EVERYTHING, *, cursor: str | None = None) -> UsagePage:
        """Return some lines of what was used, newest day first, the sum of all, and the cursor of the next page."""
        return self._get(UsagePage, "/usage", filters.query(cursor))

    def usage(self, filters: Filters = EVERYTHING) -> Iterator[UsageLine]:
        """Yield what was used, a line for each day, feature, model and source, asking for page after page."""
        page = self.usage_page(filters)
        yield from page.items
        while page.next_cursor is not None:
            page = self.usage_page(filters, cursor=page.next_cursor)
            yield from page.items

    def entries_page(self, filters: Filters = EVERYTHING, *, cursor: str | None = None) -> EntryPage:
        """Return some entries of the wallet's history, newest first, and the cursor of the next page."""
        return self._get(EntryPage, "/entries", filters.query(cursor))

    def entries(self, filters: Filters = EVERYTHING) -> Iterator[Entry]:
        """Yield the entries of the wallet's history, newest first, asking for page after page."""
        page = self.entries_page(filters)
        yield from page.items
        while page.next_cursor is not None:
            page = self.entries_page(filters, cursor=page.next_cursor)
            yield from page.items

    def entry(self, sequence: int) -> Receipt:
        """Return one entry with its receipt. Raises NotFound."""
        return self._get(Receipt, f"/entries/{sequence}")

    def quote(self, feature: str, quantity: int, *, priced_as: str | None = None) -> Quote:
        """Return what a use would cost now; nothing is spent. Raises UnknownFeature, NoPrice."""
        body = without_empty(feature=feature, quantity=quantity, priced_as=priced_as)
        return _read(Quote, self._transport.send("POST", "/quotes", body=body).body)

    # --- spending ----------------------------------------------------------------------------------------------------

    def charge(
        self,
        feature: str,
        quantity: int,
        *,
        key: str | None = None,
        source: str | None = None,
        priced_as: str | None = None,
        detail: Mapping[str, Any] | None = None,
        occurred_at: datetime | None = None,
        confirmed: bool = False,
    ) -> Charged:
        """Charge finished work and return the answer.

        `priced_as` is the chat model of a chatbot's message; `occurred_at` the moment whose day the usage counts on.
        Raises InsufficientCredits, NeedsConfirmation, UnknownFeature, NoPrice, KeyReused, Suspended.
        """
        item = Charge(
            feature=feature,
            quantity=quantity,
            key=key or new_key(),
            source=source,
            priced_as=priced_as,
            detail=detail,
            occurred_at=occurred_at,
            confirmed=confirmed,
        )
        return self._post(Charged, "/charges", item.body(), key=item.key)

    def charge_many(self, charges: Sequence[Charge]) -> list[Charged | Problem]:
        """Charge up to 500 uses in one request, each answered by itself, in order: what `charge` returns or raises."""
        body = {"charges": [{"key": item.key} | item.body() for item in charges]}
        answers = self._transport.send("POST", "/batches", body=body, key=new_key()).body["answers"]
        return [
            problem_of(item["problem"], status=item["status"])
            if item["answer"] is None
            else _read(Charged, item["answer"], replayed=item["replayed"])
            for item in answers
        ]

    def charge_workflow(
        self, workflow: str, nodes: Sequence[Node], *, key: str | None = None, confirmed: bool = False
    ) -> Charged:
        """Charge one run of a workflow: the sum of its nodes, all or nothing. Raises what `charge` raises."""
        body = without_empty(workflow=workflow, nodes=[node.body() for node in nodes], confirmed=confirmed)
        return self._post(Charged, "/workflows", body, key=key or new_key())

    def hold(
        self,
        feature: str,
        quantity: int,
        *,
        key: str | None = None,
        minimum: int | None = None,
        source: str | None = None,
        priced_as: str | None = None,
        detail: Mapping[str, Any] | None = None,
        lasts: timedelta | None = None,
        confirmed: bool = False,
    ) -> Hold:
        """Set credits aside for work whose cost isn't known yet, and return the hold.

        `hold.quantity` may be used. For tokens it may be fewer than asked, never fewer than `minimum`, the prompt. It
        lasts 15 minutes unless `lasts` says otherwise. Raises what `charge` raises.
        """
        body = without_empty(
            feature=feature,
            quantity=quantity,
            minimum=minimum,
            source=source,
            priced_as=priced_as,
            detail=detail,
            lasts_seconds=None if lasts is None else int(lasts.total_seconds()),
            confirmed=confirmed,
        )
        return self._post(Hold, "/holds", body, key=key or new_key())

    def capture(self, hold_id: int, quantity: int, *, detail: Mapping[str, Any] | None = None) -> Charged:
        """Spend what was really used and return the rest of a hold. Raises HoldClosed, NotFound."""
        body = without_empty(quantity=quantity, detail=detail)
        return self._post(Charged, f"/holds/{hold_id}/capture", body)

    def release(self, hold_id: int) -> Charged:
        """Return all credits of a hold: failed work costs nothing. Raises HoldClosed, NotFound."""
        return self._post(Charged, f"/holds/{hold_id}/release", {})

    def extend(self, hold_id: int, until: datetime) -> Hold:
        """Move an open hold's end to `until`, 24 hours after its opening at most. Raises HoldClosed, NotFound."""
        return self._post(Hold, f"/holds/{hold_id}/extend", without_empty(until=until))

    @contextmanager
    def holding(
        self,
        feature: str,
        quantity: int,
        *,
        key: str | None = None,
        minimum: int | None = None,
        source: str | None = None,
        priced_as: str | None = None,
        lasts: timedelta | None = None,
        confirmed: bool = False,
    ) -> Iterator[Work]:
        """Hold, yield the Work, then capture what it `used()`; release everything when the block raises.

        Raises what `hold` and `capture` raise, ValueError when the work never said what it used, and HoldClosed, before
        the block runs, when the key's hold was settled already: nobody would pay for the work.
        """
        hold = self.hold(
            feature,
            quantity,
            key=key,
            minimum=minimum,
            source=source,
            priced_as=priced_as,
            lasts=lasts,
            confirmed=confirmed,
        )
        if hold.status != OPEN:
            detail = "The hold of this key is settled already: work that begins again takes a key of its own."
            raise HoldClosed({"detail": detail}, status=HTTPStatus.CONFLICT)
        work = Work(hold)
        try:
            yield work
            used = work.quantity_used()
        except BaseException as error:
            self._release_after(hold, error)
            raise
        work.answer = self.capture(hold.id, used, detail=work.detail)

    def _release_after(self, hold: Hold, error: BaseException) -> None:
        try:
            self.release(hold.id)
        except CreditsError as trouble:
            error.add_note(f"Hold {hold.id} wasn't released, and expires by itself: {trouble}")

    def _get(self, kind: type[T], path: str, query: Mapping[str, str] | None = None) -> T:
        return _read(kind, self._transport.send("GET", path, query=query).body)

    def _post(self, kind: type[T], path: str, body: Mapping[str, Any], *, key: str | None = None) -> T:
        """Do something that a repeat doesn't do twice: by its key, or because a hold is settled once."""
        reply = self._transport.send("POST", path, body=body, key=key)
        return _read(kind, reply.body, replayed=reply.replayed)


def new_key() -> str:
    """Return an idempotency key that nobody has used."""
    return uuid4().hex


def _listed(kind: type[T], body: Any) -> list[T]:
    return [_read(kind, item) for item in body["items"]]


def _read(kind: type[T], body: Any, **further: Any) -> T:
    try:
        return decoded(kind, body, **further)
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise UnexpectedAnswer(
            f"The answer isn't a {kind.__name__} as this version of the package knows it: {error!r}.",
            status=HTTPStatus.OK,
        ) from error
