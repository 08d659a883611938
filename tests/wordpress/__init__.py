"""Debian's WordPress with our plugin, on a MariaDB of its own: all in one folder, and gone with it.

The database is reached by a socket alone, the site on a free port of 127.0.0.1. What WordPress itself would ask of
other servers is written down and refused.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any

import requests

from tests.running import free_port

PLUGIN = Path(__file__).parents[2] / "integrations/wordpress/ytproxy"
ADMIN = ("somebody", "a pass phrase of somebody")
_HERE = Path(__file__).parent
_DEBIANS = Path("/usr/share/wordpress")
_UP_WITHIN_S = 60

_CONFIG = """<?php
define( 'DB_NAME', 'wordpress' );
define( 'DB_USER', 'root' );
define( 'DB_PASSWORD', '' );
define( 'DB_HOST', 'localhost:%(socket)s' );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'DB_COLLATE', '' );
define( 'WP_HOME', '%(url)s' );
define( 'WP_SITEURL', '%(url)s' );
define( 'DISABLE_WP_CRON', true );
define( 'WP_DEBUG', true );
define( 'WP_DEBUG_DISPLAY', false );
define( 'WP_DEBUG_LOG', '%(debug_log)s' );
foreach ( array( 'AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE' ) as $name ) {
	define( "{$name}_KEY", "$name, of a site that lives for a minute" );
	define( "{$name}_SALT", "salt of $name" );
}
$table_prefix = 'wp_';
defined( 'ABSPATH' ) || define( 'ABSPATH', __DIR__ . '/' );
require ABSPATH . 'wp-settings.php';
"""


class WordPress:
    """A running site whose theme and administrator are the tests', with our plugin switched on but not set."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="ytproxy-"))  # short: a socket's path has 107 bytes
        self._processes: list[subprocess.Popen[bytes]] = []
        self._log: IO[bytes] = (self._folder / "log").open("w+b")
        self._root = self._folder / "site"
        self.url = f"http://127.0.0.1:{free_port()}"

    def __enter__(self) -> "WordPress":
        try:
            self._copy()
            self._start_database()
            self.act("install", user=ADMIN[0], password=ADMIN[1])
            self._start_site()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.kill()  # nothing of it is kept
            process.wait()
        self._log.close()
        shutil.rmtree(self._folder)

    def act(self, name: str, **arguments: Any) -> Any:
        """Does within WordPress what actions.php has under *name*, as if nobody were logged in."""
        done = subprocess.run(
            ["php", "-d", "display_errors=stderr", _HERE / "actions.php", self._root, name],
            input=json.dumps(arguments),
            capture_output=True,
            text=True,
            timeout=_UP_WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr + "\n".join(self._lines("debug"))
        return json.loads(done.stdout)

    def post(self, content: str, **meta: str) -> int:
        """A new post's number."""
        return int(self.act("post", content=content, meta=meta))

    def get(self, path: str) -> str:
        answer = requests.get(f"{self.url}{path}", timeout=_UP_WITHIN_S)
        assert answer.status_code == 200, answer.text
        return answer.text

    def show(self, content: str) -> str:
        """The page of a new post."""
        return self.get(f"/?p={self.post(content)}")

    def log_in(self, user: str, password: str) -> requests.Session:
        session = requests.Session()
        form = {"log": user, "pwd": password, "testcookie": "1"}
        session.cookies.set("wordpress_test_cookie", "WP Cookie check")
        answer = session.post(f"{self.url}/wp-login.php", form, allow_redirects=False, timeout=_UP_WITHIN_S)
        assert answer.status_code == 302, answer.text
        return session

    def requests_made(self) -> list[str]:
        """The addresses that WordPress wanted to ask of other servers, and could not."""
        return self._lines("requests")

    def complaints(self) -> list[str]:
        """What PHP says of our plugin, notices included."""
        return [line for line in self._lines("debug") if "/plugins/ytproxy/" in line]

    def _lines(self, name: str) -> list[str]:
        file = self._folder / name
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def _copy(self) -> None:
        """WordPress finds its configuration beside its own files, so links to Debian's would not do."""
        left_out = shutil.ignore_patterns("wp-content", "wp-config.php", ".htaccess")
        shutil.copytree(_DEBIANS, self._root, ignore=left_out, ignore_dangling_symlinks=True)
        shutil.copytree(PLUGIN, self._root / "wp-content/plugins/ytproxy")
        shutil.copytree(_HERE / "theme", self._root / "wp-content/themes/plain")
        (self._root / "wp-content/mu-plugins").mkdir()
        shutil.copy(_HERE / "no-requests.php", self._root / "wp-content/mu-plugins")
        values = {"socket": self._folder / "socket", "url": self.url, "debug_log": self._folder / "debug"}
        (self._root / "wp-config.php").write_text(_CONFIG % values, encoding="utf-8")

    def _start_database(self) -> None:
        data = self._folder / "data"
        user = ["--user=root"] if os.geteuid() == 0 else []
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                *user,
                f"--datadir={data}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
            stdout=self._log,
            stderr=self._log,
            timeout=_UP_WITHIN_S,
            check=True,
        )
        (self._folder / "init.sql").write_text("CREATE DATABASE wordpress;\n")
        self._start(
            "mariadbd",
            "--no-defaults",
            *user,
            f"--datadir={data}",
            f"--socket={self._folder / 'socket'}",
            f"--pid-file={self._folder / 'pid'}",
            f"--init-file={self._folder / 'init.sql'}",
            "--skip-networking",
            "--innodb-flush-log-at-trx-commit=0",
        )
        self._wait_for((self._folder / "socket").exists)

    def _start_site(self) -> None:
        self._start("php", "-S", self.url.removeprefix("http://"), "-t", self._root)
        self._wait_for(self._answers)

    def _start(self, *command: str | Path) -> None:
        self._processes.append(subprocess.Popen(command, stdout=self._log, stderr=self._log))

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/readme.html", timeout=2).close()
        except (OSError, urllib.error.URLError):
            return False
        return True

    def _wait_for(self, is_up: Any) -> None:
        give_up = time.monotonic() + _UP_WITHIN_S
        while time.monotonic() < give_up and self._processes[-1].poll() is None:
            if is_up():
                return
            time.sleep(0.05)
        self._log.seek(0)
        raise AssertionError(f"{self._processes[-1].args} did not come up:\n{self._log.read().decode()}")
