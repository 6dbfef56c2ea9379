"""Chatbots stay within the plan's limit."""

import pytest

from billing.errors import UnknownFeature
from billing.services import chatbots

pytestmark = pytest.mark.django_db


def test_a_free_plan_has_one_chatbot_and_says_so_at_the_second(alice, now):
    first = chatbots.create(wallet_id=alice.wallet.pk, name="Helper", model="gpt-4o-mini", now=now)
    with pytest.raises(chatbots.ChatbotLimitReached, match="includes 1 active chatbot"):
        chatbots.create(wallet_id=alice.wallet.pk, name="Second", model="gpt-4o", now=now)
    assert list(alice.wallet.chatbots.all()) == [first]


def test_a_paused_chatbot_leaves_room_for_another(alice, now):
    paused = chatbots.create(wallet_id=alice.wallet.pk, name="Helper", model="gpt-4o-mini", now=now)
    paused.paused_at = now
    paused.save()
    second = chatbots.create(wallet_id=alice.wallet.pk, name="Second", model="gpt-4o", now=now)
    assert second.source == f"chatbot:{second.pk}"


def test_a_chatbot_answers_with_a_chat_model_only(alice, now):
    with pytest.raises(UnknownFeature, match="not a chat model"):
        chatbots.create(wallet_id=alice.wallet.pk, name="Painter", model="flux-pro", now=now)
    assert not alice.wallet.chatbots.exists()
