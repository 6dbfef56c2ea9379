"""Alice and Bob for questions that every address is asked: she has something of everything, he another account."""

from cleverai.tests.test_access import alice, bob

__all__ = ["alice", "bob"]
