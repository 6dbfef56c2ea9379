"""Stripe's stand-in for development and tests: its REST API, hosted pages and signed webhooks, in one small process."""
