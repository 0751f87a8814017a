from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from ntqa import logins
from ntqa.errors import InputError
from ntqa.logins import Logins, hash_password, password_line


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that take no time."""
    monkeypatch.setattr(hash_password, "__defaults__", (4,))


def header(user: str, password: str, scheme: str = "Basic") -> str:
    return f"{scheme} {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "users.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_hash_is_what_scrypt_says_and_salted():
    stored = hash_password("secret", 5)
    name, n, r, p, salt, digest = stored.split("$")
    expected = hashlib.scrypt(b"secret", salt=base64.b64decode(salt), n=2**5, r=8, p=1, dklen=32)
    assert (name, n, r, p, base64.b64decode(digest)) == ("scrypt", "5", "8", "1", expected)
    assert len(base64.b64decode(salt)) == 16
    assert hash_password("secret", 5) != stored


def test_right_and_wrong_logins(tmp_path: Path):
    found = Logins.read(written(tmp_path, "# users", "", password_line("ada", "a: pässword"), password_line("bob", "b")))
    assert found.check(header("ada", "a: pässword"))
    assert found.check(header("bob", "b", "basic"))
    for wrong in (
        header("ada", "b"),
        header("bob", "a: pässword"),
        header("eve", "b"),
        header("ada", ""),
        header("ada", "a: pässword", "Bearer"),
        header("", ""),
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
    ):
        assert not found.check(wrong), wrong


def test_only_a_right_login_is_remembered_and_not_in_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    found = Logins.read(written(tmp_path, password_line("ada", "secret")))
    right, wrong = header("ada", "secret"), header("ada", "wrong")
    assert not found.known(right)
    assert (found.check(right), found.check(wrong)) == (True, False)
    assert (found.known(right), found.known(wrong)) == (True, False)
    assert right.encode() not in found._known and len(found._known) == 1
    monkeypatch.setattr(logins, "REMEMBERED", 1)
    assert found.check(header("ada", "secret", "basic"))
    assert not found.known(right)


def test_an_unknown_user_costs_as_much_as_a_known_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    found = Logins.read(written(tmp_path, f"ada:{hash_password('secret', 6)}"))
    computed = []
    scrypt = logins._scrypt
    monkeypatch.setattr(logins, "_scrypt", lambda *arguments: computed.append(arguments[2:]) or scrypt(*arguments))
    found.check(header("ada", "wrong"))
    found.check(header("eve", "wrong"))
    assert computed == [(6, 8, 1), (6, 8, 1)]


GOOD = "scrypt$4$8$1$" + base64.b64encode(b"s" * 16).decode() + "$" + base64.b64encode(b"h" * 32).decode()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["ada"], ":1: not a line user:scrypt-hash"),
        (["# fine", "ada:secret"], ":2: not a line"),
        ([f":{GOOD}"], ":1: not a line"),
        ([f"ada:{GOOD}x"], ":1: not a line"),
        (["ada:" + GOOD.replace("$4$", "$30$")], ":1: not a line"),
        (["ada:" + GOOD.replace("$4$", "$0$")], ":1: not a line"),
        (["ada:" + GOOD.replace("$8$", "$99$")], ":1: not a line"),
        ([f"ada:{GOOD}", f"ada:{GOOD}"], ":2: the user ada has two lines"),
        (["# nobody"], "holds no user"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(tmp_path: Path, lines: list[str], words: str):
    path = written(tmp_path, *lines)
    with pytest.raises(InputError) as caught:
        Logins.read(path)
    assert str(path) in str(caught.value) and words in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path):
    with pytest.raises(InputError, match=r"users\.txt cannot be read"):
        Logins.read(tmp_path / "users.txt")
    (tmp_path / "users.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        Logins.read(tmp_path / "users.txt")


@pytest.mark.parametrize(("user", "password"), [("", "x"), ("a:b", "x"), (" a", "x"), ("#a", "x"), ("a\nb", "x"), ("a", "")])
def test_names_and_passwords_that_basic_cannot_carry(user: str, password: str):
    with pytest.raises(InputError):
        password_line(user, password)
