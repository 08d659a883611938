"""A site that is not ours, with our previews in its pages."""

import http.server
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def site(pages: Mapping[str, str]) -> Iterator[str]:
    """Serves *pages*, HTML by path, and gives the site's address.

    That is a name, not a number: to a browser the server on 127.0.0.1 is then another site.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *message: object) -> None:
            pass

        def do_GET(self) -> None:
            html = pages.get(self.path)
            self.send_response(200 if html else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((html or "").encode())

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def page(lang: str, direction: str, body: str, head: str = "") -> str:
    """A whole page of that site."""
    return f"""<!doctype html>
<html lang="{lang}" dir="{direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="A page of another site.">
<title>YouTube</title>
<link rel="icon" href="data:,">
{head}
</head>
<body>
<main>
<h1>YouTube</h1>
{body}
</main>
</body>
</html>
"""
