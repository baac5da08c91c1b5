"""The server: web page, try-it page and REST API, one process on the CPU."""
