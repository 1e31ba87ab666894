"""The two networks, fetched, loaded and served. torch lives here, and nowhere above."""
