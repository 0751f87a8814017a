"""Names and passwords of a private installation: HTTP Basic against a file of scrypt hashes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from pathlib import Path

from ntqa.errors import InputError

LOG_N, R, P = 14, 8, 1  # 16 MB and about 40 ms for a guess
MAX_LOG_N, MAX_R, MAX_P = 20, 16, 4  # a file asks for no more than this
_HASH = re.compile(r"scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9+/]{22,88}={0,2})\$([A-Za-z0-9+/]{43}=)")
REMEMBERED = 1_000  # logins that need not be computed again


def hash_password(password: str, log_n: int = LOG_N) -> str:
    """The hash of a password with a random salt, as it stands in the file."""
    salt = secrets.token_bytes(16)
    return f"scrypt${log_n}${R}${P}${_text(salt)}${_text(_scrypt(password, salt, log_n, R, P))}"


def password_line(user: str, password: str) -> str:
    """A line of the file; raises InputError for a name or a password that Basic cannot carry."""
    if not user or not user.isprintable() or ":" in user or user != user.strip() or user.startswith("#"):
        raise InputError("a user name must be printable, without a colon, spaces around it, or # at its beginning")
    if not password:
        raise InputError("the password is empty")
    return f"{user}:{hash_password(password)}"


class Logins:
    """Who may enter. A login that was right is remembered by a keyed hash, so that scrypt runs once and not for each file of a page."""

    def __init__(self, hashes: dict[str, str]) -> None:
        self._hashes = hashes
        self._nobody = hash_password(secrets.token_hex(8), _parameters(next(iter(hashes.values())))[0])
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, None] = OrderedDict()

    @classmethod
    def read(cls, path: Path) -> Logins:
        """The file's logins; raises InputError that names the line."""
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None
        hashes: dict[str, str] = {}
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            user, colon, stored = line.strip().partition(":")
            if not colon or not user or _parameters(stored) is None:
                raise InputError(f"{path}:{number}: not a line user:scrypt-hash; make one with: ntqa passwd USER")
            if user in hashes:
                raise InputError(f"{path}:{number}: the user {user} has two lines")
            hashes[user] = stored
        if not hashes:
            raise InputError(f"{path} holds no user; make a line with: ntqa passwd USER")
        return cls(hashes)

    def known(self, authorization: str) -> bool:
        """Whether this Authorization header was right before."""
        return self._name(authorization) in self._known

    def check(self, authorization: str) -> bool:
        """Whether this Authorization header is right; takes as long for a user that does not exist."""
        scheme, _, encoded = authorization.partition(" ")
        try:
            user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        if scheme.lower() != "basic" or not colon:
            return False
        log_n, r, p, salt, stored = _parameters(self._hashes.get(user, self._nobody))
        right = hmac.compare_digest(_scrypt(password, salt, log_n, r, p), stored) and user in self._hashes
        if right:
            self._known[self._name(authorization)] = None
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return right

    def _name(self, authorization: str) -> bytes:
        return hashlib.blake2b(authorization.encode("latin-1", "replace"), key=self._key).digest()


def _parameters(stored: str) -> tuple[int, int, int, bytes, bytes] | None:
    """log2 of N, r, p, salt and hash; None when the text is no hash that this program makes or dares to compute."""
    match = _HASH.fullmatch(stored)
    if not match:
        return None
    log_n, r, p = (int(number) for number in match.groups()[:3])
    if not (1 <= log_n <= MAX_LOG_N and 1 <= r <= MAX_R and 1 <= p <= MAX_P):
        return None
    try:
        return log_n, r, p, base64.b64decode(match[4], validate=True), base64.b64decode(match[5], validate=True)
    except binascii.Error:
        return None


def _scrypt(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**log_n, r=r, p=p, maxmem=2**log_n * r * 256 + 2**20, dklen=32)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
