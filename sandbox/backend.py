"""The demo's chat backend: a program of our own that charges over HTTP, as others do."""

from uuid import uuid4

from billing.models import Wallet
from cleverai_credits import Client, Patience


class Backend:
    """Charges through the API with a service's key, in the name of whichever wallet."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._clients: dict[int, Client] = {}

    def chat(self, wallet: Wallet, *, model: str, prompt: int, answer: int) -> None:
        """Charge a chat that is over."""
        self._client(wallet).charge(
            model, prompt + answer, key=_key(), detail={"input_tokens": prompt, "output_tokens": answer}
        )

    def stream(self, wallet: Wallet, *, model: str, prompt: int, answer: int) -> None:
        """Set an answer's tokens aside, and capture what it took, or as much as there was room for."""
        with self._client(wallet).holding(model, prompt + 1_500, minimum=prompt, key=_key()) as work:
            answered = min(answer, work.quantity - prompt)
            detail = {"input_tokens": prompt, "output_tokens": answered}
            work.used(prompt + answered, detail=detail)

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()

    def _client(self, wallet: Wallet) -> Client:
        if wallet.pk not in self._clients:
            patience = Patience(attempts=2)
            self._clients[wallet.pk] = Client(self._url, self._token, wallet=wallet.pk, patience=patience)
        return self._clients[wallet.pk]


def _key() -> str:
    return f"traffic:{uuid4().hex}"
