"""The only door to Stripe: nothing else imports `stripe`, and its errors come out as ours."""
