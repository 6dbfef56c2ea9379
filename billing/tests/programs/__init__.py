"""Programs of others, over real HTTP: the Python client, and the examples of the page about the API."""
