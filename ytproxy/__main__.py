"""`python -m ytproxy` is `ytproxy`."""

from ytproxy.cli import main

main()
