"""What feedback teaches: memory at once (`memory`), the networks that answer (`models`). Imports storage."""
