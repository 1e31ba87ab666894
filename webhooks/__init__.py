"""The HTTP edge: the receiver, the pages, and the playground that stands in for GitHub."""
