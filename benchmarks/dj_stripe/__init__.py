"""The peer of our webhooks: dj-stripe 2.11, which needs an older `stripe`, in a virtual environment of its own."""
