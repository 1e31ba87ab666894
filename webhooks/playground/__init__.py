"""A stand-in for GitHub on loopback: issue pages for people, REST and GraphQL for the bot, signed deliveries.

It is the embedded default of `thumbprint run` and the one fake that the tests use. What it leaves out: git,
pull-request diffs, organisations, search, everything that the bot never calls.

Run: `python -m webhooks.playground --port 8001 --app-url http://127.0.0.1:8000 --home var/playground`
"""
