"""What owners let go unasked: typed, previewed, saved, and said back when it can't be."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from billing import metering
from billing.models import Feature, Wallet
from billing.selectors import limits
from billing.services import prices, wallets
from billing.tests.pages.conftest import Clock
from billing.tests.pages.reading import words
from billing.tests.people import give

PREFERENCES = "/settings/billing/preferences/"
LIMITS = "/settings/billing/preferences/limits/"
EFFECT = "/settings/billing/preferences/limits/effect/"


def answer(
    user: User, clock: Clock, output: object, *, prompt: int = 500, feature: str = "gpt-4o", **more: Any
) -> None:
    """Charge a chat whose answer had so many tokens."""
    user.wallet.refresh_from_db()
    quantity = prompt + (output if isinstance(output, int) else 100)
    metering.charge(
        wallet=user.wallet,
        feature=feature,
        quantity=quantity,
        key=f"answer {user.wallet.sequence}",
        detail={"input_tokens": prompt, "output_tokens": output},
        now=clock(),
        **more,
    )


def type_in(browser: Client, tokens: object, above: object = "") -> str:
    """Type both limits, without saving them, and return what the page says they mean."""
    typed = {"max_output_tokens": tokens, "confirm_above": above}
    return words(browser.get(EFFECT, typed, headers={"HX-Request": "true"}))


def saved(user: User) -> tuple[int, int | None]:
    wallet = Wallet.objects.get(owner=user)
    return wallet.max_output_tokens, wallet.confirm_above


class TestSaving:
    """The form."""

    def test_it_shows_what_is_set(self, browser_of_alice: Client, alice: User) -> None:
        page = browser_of_alice.get(PREFERENCES).content.decode()
        assert 'name="max_output_tokens" value="4,096"' in page
        assert 'placeholder="Never"' in page
        wallets.set_limits(wallet_id=alice.wallet.pk, max_output_tokens=12_000, confirm_above=1_250_500)
        page = browser_of_alice.get(PREFERENCES).content.decode()
        assert 'value="12,000"' in page
        assert 'value="1,250.5"' in page

    @pytest.mark.parametrize(
        ("tokens", "above", "expected"),
        [
            ("2000", "25", (2_000, 25_000)),
            (" 1,000,000 ", "1,250.5", (1_000_000, 1_250_500)),
            ("1", "0", (1, 0)),
            ("4 096", "", (4_096, None)),
            ("4,096", "  ", (4_096, None)),
            ("4096", "0.001", (4_096, 1)),
        ],
    )
    def test_what_is_typed_is_saved(
        self, browser_of_alice: Client, alice: User, tokens: str, above: str, expected: tuple[int, int | None]
    ) -> None:
        wallets.set_limits(wallet_id=alice.wallet.pk, max_output_tokens=7, confirm_above=7)
        done = browser_of_alice.post(LIMITS, {"max_output_tokens": tokens, "confirm_above": above}, follow=True)
        assert done.redirect_chain == [(PREFERENCES, 302)]
        assert "Your limits are saved." in words(done)
        assert saved(alice) == expected

    @pytest.mark.parametrize(
        ("tokens", "above", "problem"),
        [
            ("", "5", "Type a whole number from 1 to 1,000,000."),
            ("many", "5", "Type a whole number from 1 to 1,000,000."),
            ("2.5", "5", "Type a whole number from 1 to 1,000,000."),
            ("9" * 5_000, "5", "Type a whole number from 1 to 1,000,000."),
            ("0", "5", "An answer needs 1 token at least."),
            ("1,000,001", "5", "1,000,000 tokens at most."),
            ("500", "a few", "“a few” is not a number of credits."),
            ("500", "-1", "Type 0 or more, or leave it empty."),
            ("500", "2,5", "Write thousands as 1,000 and decimals as 2.5."),
            ("500", "0.0001", "Credits have at most three decimals."),
            ("500", "1" * 30, "That is more credits than the books can hold."),
            ("500", "1\x00", "Null characters are not allowed."),
        ],
    )
    def test_what_can_t_be_is_said_and_nothing_typed_is_lost(
        self, browser_of_alice: Client, alice: User, tokens: str, above: str, problem: str
    ) -> None:
        page = browser_of_alice.post(LIMITS, {"max_output_tokens": tokens, "confirm_above": above})
        assert page.status_code == 200
        assert problem in words(page)
        assert 'aria-invalid="true"' in page.content.decode()
        assert f'value="{tokens}"' in page.content.decode() or not tokens
        if "\x00" not in above:
            assert f'value="{above}"' in page.content.decode()
        assert saved(alice) == (4_096, None)

    def test_the_address_of_a_form_that_was_refused_leads_back(self, browser_of_alice: Client) -> None:
        assert browser_of_alice.get(LIMITS).headers["Location"] == PREFERENCES
        assert browser_of_alice.get(EFFECT).headers["Location"] == PREFERENCES

    def test_bob_s_limits_are_his_own(self, browser_of_bob: Client, alice: User, bob: User) -> None:
        browser_of_bob.post(LIMITS, {"max_output_tokens": "9", "confirm_above": "9", "wallet": str(alice.wallet.pk)})
        assert (saved(alice), saved(bob)) == ((4_096, None), (9, 9_000))


class TestEffect:
    """What limits mean, while they are typed and once they are saved."""

    def test_each_model_says_what_an_answer_costs_at_most(self, browser_of_alice: Client) -> None:
        said = words(browser_of_alice.get(PREFERENCES))
        assert "With 4,096 tokens an answer costs at most" in said
        for model in ("GPT-4o Mini 4.096 credits", "GPT-4o 20.48 credits", "O1 Preview 61.44 credits"):
            assert model in said
        assert "DALL-E" not in said
        assert "With 1 token an answer costs at most GPT-4o Mini 0.001 credits GPT-4o 0.005" in type_in(
            browser_of_alice, 1
        )

    def test_a_price_change_shows_at_once(self, browser_of_alice: Client, stella: User, clock: Clock) -> None:
        type_in(browser_of_alice, 1_000)
        later = clock() + timedelta(days=1)
        prices.add(
            feature=Feature.objects.get(pk="gpt-4o"), millicredits=7_000, per=1_000, starts_at=later, now=clock()
        )
        assert "GPT-4o 5 credits" in type_in(browser_of_alice, 1_000)
        clock.moves(days=1)
        assert "GPT-4o 7 credits" in type_in(browser_of_alice, 1_000)

    def test_nothing_used_is_nothing_to_compare_with(self, browser_of_alice: Client) -> None:
        said = type_in(browser_of_alice, 100, "5")
        assert "None of your uses of the last 30 days says how long its answer was" in said
        assert "You are asked above 5 credits." in said
        assert "You are never asked." in type_in(browser_of_alice, 100)

    def test_answers_that_were_longer_are_counted_with_what_they_cost_too_much(
        self, browser_of_alice: Client, alice: User, clock: Clock
    ) -> None:
        for output in (600, 1_000, 1_001, 3_000):
            answer(alice, clock, output)
        said = type_in(browser_of_alice, 1_000)
        assert "2 of your 4 answers of the last 30 days were longer; ended there, they would have cost 10.005" in said
        assert "None of your 4 answers of the last 30 days was longer." in type_in(browser_of_alice, 3_000)
        assert "1 of your 4 answers of the last 30 days was longer; ended there, it would" in type_in(
            browser_of_alice, 2_999
        )

    def test_uses_that_would_have_been_asked_about_are_counted(
        self, browser_of_alice: Client, alice: User, clock: Clock
    ) -> None:
        answer(alice, clock, 500)
        metering.charge(wallet=alice.wallet, feature="flux-pro", quantity=2, key="images", now=clock())
        assert "1 of your 2 uses of the last 30 days cost more than 5 credits." in type_in(browser_of_alice, 9, "5")
        assert "None of your 2 uses of the last 30 days cost more than 40 credits." in type_in(
            browser_of_alice, 9, "40"
        )

    def test_what_can_t_be_a_limit_yet_counts_as_it_is_set(self, browser_of_alice: Client, alice: User) -> None:
        wallets.set_limits(wallet_id=alice.wallet.pk, max_output_tokens=2_000, confirm_above=7_000)
        for tokens in ("", "x", "0", "9" * 10_000, "\x00"):
            said = type_in(browser_of_alice, tokens, "x" * 10_000)
            assert "With 2,000 tokens" in said
            assert "You are asked above 7 credits." in said

    def test_a_use_of_a_month_ago_no_longer_counts(self, browser_of_alice: Client, alice: User, clock: Clock) -> None:
        answer(alice, clock, 3_000)
        clock.moves(days=29)
        assert "1 of your 1 answer" in type_in(browser_of_alice, 100)
        clock.moves(days=1)
        assert "nothing to compare with" in type_in(browser_of_alice, 100)

    @pytest.mark.parametrize("output", ["3000", None, [3_000], {"of": 3_000}, True])
    def test_what_is_no_number_of_tokens_is_no_answer(
        self, browser_of_alice: Client, alice: User, clock: Clock, output: object
    ) -> None:
        answer(alice, clock, output)
        assert "nothing to compare with" in type_in(browser_of_alice, 10)

    def test_more_output_than_was_charged_saves_no_more_than_was_charged(self, alice: User, clock: Clock) -> None:
        metering.charge(
            wallet=alice.wallet,
            feature="gpt-4o",
            quantity=1_000,
            key="odd",
            detail={"output_tokens": 1e300},
            now=clock(),
        )
        found = limits.effect(alice.wallet, max_output_tokens=1, confirm_above=None, now=clock()).lately
        assert (found.cut, found.saved) == (1, 4_995)

    def test_captures_count_by_what_they_took_and_holds_not_at_all(self, alice: User, clock: Clock) -> None:
        with metering.holding(wallet=alice.wallet, feature="gpt-4o", quantity=3_000, key="talk", clock=clock) as work:
            work.used(2_000, detail={"input_tokens": 500, "output_tokens": 1_500})
        alice.wallet.refresh_from_db()
        found = limits.effect(alice.wallet, max_output_tokens=500, confirm_above=9_999, now=clock()).lately
        assert (found.uses, found.asked, found.answers, found.cut, found.saved) == (1, 1, 1, 1, 5_000)

    def test_the_newest_uses_are_looked_at_and_the_page_says_so(
        self, browser_of_alice: Client, alice: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MOST_USES", 2)
        for output in (3_000, 100, 200):
            answer(alice, clock, output)
        said = type_in(browser_of_alice, 150)
        assert "1 of your 2 answers" in said
        assert "The newest 2 uses are counted." in said

    def test_an_unlimited_wallet_saves_nothing_and_is_never_asked(
        self, browser_of_alice: Client, alice: User, clock: Clock
    ) -> None:
        Wallet.objects.filter(owner=alice).update(unlimited=True)
        answer(alice, clock, 3_000)
        said = words(browser_of_alice.get(PREFERENCES))
        assert "Your use is unlimited: shorter answers save no credits, and you are never asked." in said
        found = limits.effect(alice.wallet, max_output_tokens=1, confirm_above=0, now=clock()).lately
        assert (found.asked, found.saved) == (0, 0)

    def test_the_saving_is_what_the_price_of_that_time_says(self, alice: User, clock: Clock) -> None:
        give(alice.wallet, 10**9, now=clock())
        for feature, prompt, output in (("o1-preview", 7, 4_321), ("gpt-4o", 1, 999), ("gpt-4o-mini", 0, 778)):
            answer(alice, clock, output, prompt=prompt, feature=feature)
        alice.wallet.refresh_from_db()
        found = limits.effect(alice.wallet, max_output_tokens=333, confirm_above=None, now=clock()).lately
        assert found.saved == (4_321 - 333) * 15 + (999 - 333) * 5 + (778 - 333)
