"""The bare library in a process of its own, asked over a pipe: it stops its threads as it waits.

Run as a program this is that process; imported it is the one who asks.
"""

import importlib
import importlib.util
import json
import os
import re
import selectors
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from datetime import time as hour
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# Another interpreter has the library under its other name: these suites are run with both.
PYTHON = os.environ.get("LONGPORT_PYTHON", sys.executable)
NAMES = ("longport", "longbridge")
OURS = re.compile("(LONGPORT|LONGBRIDGE)_")
ENUM = re.compile(r"(\w+)\.(\w+)")
ENUMS = "AdjustType Market OrderSide OrderType OutsideRTH Period SubType TimeInForceType TopicType"
PATIENCE = 10.0
TICK = 0.001
# A moment is a date too.
TAGS = {"decimal": Decimal, "moment": datetime, "date": date, "hour": hour}


class LibraryError(Exception):
    """What the library raised."""

    def __init__(self, kind: str, code: int | None, message: str) -> None:
        super().__init__(f"{kind} {code} {message}")
        self.kind = kind
        self.code = code
        self.message = message


def library_name() -> str:
    return next(name for name in NAMES if importlib.util.find_spec(name))


class Library:
    """Who asks. Answers have the library's fields; its enums are texts like `OrderSide.Buy`."""

    def __init__(self, folder: Path, zone: str) -> None:
        environment = {k: v for k, v in os.environ.items() if not OURS.match(k)}
        self._process = subprocess.Popen(
            [PYTHON, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            env=environment | {"TZ": zone, "NO_PROXY": "127.0.0.1"},
        )

    def use(self, access: Any, **options: Any) -> None:
        """Point it at a broker; contexts there were are dropped."""
        self.ask("use", **asdict(access), **options)

    def ask(self, target: str, *args: Any, **more: Any) -> Any:
        """Call `trade.…`, `quote.…` or `config.…`. Raises LibraryError."""
        self.begin(target, *args, **more)
        return self.answer()

    def begin(self, target: str, *args: Any, **more: Any) -> None:
        """Call without waiting for the answer."""
        told = {"target": target, "args": to_json(list(args)), "more": to_json(more)}
        self._process.stdin.write(json.dumps(told).encode() + b"\n")
        self._process.stdin.flush()

    def answer(self, patience: float = PATIENCE) -> Any:
        """Wait for the answer of what was begun. Raises TimeoutError."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(patience):
                raise TimeoutError
        told = json.loads(self._process.stdout.readline())
        if "error" in told:
            raise LibraryError(**told["error"])
        return from_json(told["value"])

    def error(self, target: str, *args: Any, **more: Any) -> LibraryError:
        """Call what must fail."""
        try:
            answer = self.ask(target, *args, **more)
        except LibraryError as error:
            return error
        raise AssertionError(f"{target} answered {answer}")

    def buy(self, shares: int, limit: int | None = 500, symbol: str = "QQQ.US", **more: Any) -> str:
        """Place a day's order to buy; the broker's name for it."""
        return self.ask("trade.submit_order", *an_order(shares, limit, symbol), **more).order_id

    def sell(self, shares: int, limit: int | None = 1, symbol: str = "QQQ.US", **more: Any) -> str:
        """Place a day's order to sell; the broker's name for it."""
        order = an_order(shares, limit, symbol, side="Sell")
        return self.ask("trade.submit_order", *order, **more).order_id

    def kill(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process.stdout.close()


def an_order(shares: int, limit: int | None, symbol: str = "QQQ.US", side: str = "Buy") -> list:
    kind = "MO" if limit is None else "LO"
    price = None if limit is None else Decimal(limit)
    asked = [symbol, f"OrderType.{kind}", f"OrderSide.{side}", Decimal(shares)]
    return [*asked, "TimeInForceType.Day", price]


@contextmanager
def a_library(folder: Path, zone: str = "UTC"):
    library = Library(folder, zone)
    try:
        yield library
    finally:
        library.close()


def eventually(fact, patience: float = PATIENCE) -> Any:
    """Ask until something is true."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        found = fact()
        if found:
            return found
        time.sleep(TICK)
    raise AssertionError("never")


def to_json(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [to_json(each) for each in value]
    if isinstance(value, dict):
        return {key: to_json(each) for key, each in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    for tag, kind in TAGS.items():
        if isinstance(value, kind):
            return {tag: str(value)}
    if ENUM.fullmatch(str(value)):
        return str(value)
    names = [name for name in dir(value) if not name.startswith("_")]
    return {"fields": {name: to_json(getattr(value, name)) for name in names}}


def from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [from_json(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "fields" in value:
        return SimpleNamespace(**{k: from_json(v) for k, v in value["fields"].items()})
    for tag, kind in TAGS.items():
        if tag in value:
            return kind(value[tag]) if kind is Decimal else kind.fromisoformat(value[tag])
    return {key: from_json(each) for key, each in value.items()}


class Asked:
    """The process with the library in it."""

    def __init__(self) -> None:
        self._name = library_name()
        self._api = importlib.import_module(f"{self._name}.openapi")
        self._contexts: dict[str, Any] = {}
        self._config: Any = None
        self._pushed: list[Any] = []

    def serve(self) -> None:
        for line in sys.stdin.buffer:
            told = json.loads(line)
            args, more = self._meant(told["args"]), self._meant(told["more"])
            answer = json.dumps(self._answer(told["target"], args, more))
            sys.stdout.write(f"{answer}\n")
            sys.stdout.flush()

    def _answer(self, target: str, args: list, more: dict) -> dict:
        try:
            act = getattr(self, target, None) or self._find(target)
            return {"value": to_json(act(*args, **more))}
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            kind = str(getattr(error, "kind", type(error).__name__))
            code, message = getattr(error, "code", None), getattr(error, "message", str(error))
            return {"error": {"kind": kind, "code": code, "message": message}}

    def use(self, *, app_key: str, app_secret: str, access_token: str, **urls: Any) -> None:
        self._contexts.clear()
        self._pushed.clear()
        make = getattr(self._api.Config, "from_apikey", self._api.Config)
        quiet = {"enable_print_quote_packages": False}
        self._config = make(app_key, app_secret, access_token, **urls, **quiet)
        keys, http = [app_key, app_secret, access_token], self._api.HttpClient
        self._contexts["http"] = (
            http.from_apikey(*keys, urls["http_url"])
            if hasattr(http, "from_apikey")
            else http(urls["http_url"], *keys)
        )

    def drop(self) -> None:
        self._contexts.clear()

    def open(self, name: str) -> None:
        """Make a context, which one of the libraries connects at once."""
        self._context(name)

    def hear(self) -> None:
        """Keep what is pushed; callbacks are set once, before subscribing."""
        keep = self._pushed.append
        self._context("trade").set_on_order_changed(keep)
        quote = self._context("quote")
        quote.set_on_quote(lambda symbol, event: keep((symbol, event)))
        quote.set_on_depth(lambda symbol, event: keep((symbol, event)))

    def heard(self) -> list[Any]:
        return list(self._pushed)

    def fumble(self) -> None:
        """Set a callback while one is running."""
        trade = self._context("trade")
        begun = threading.Event()

        def slow(_event: Any) -> None:
            begun.set()
            time.sleep(50 * TICK)

        trade.set_on_order_changed(slow)
        trade.subscribe([self._api.TopicType.Private])
        begun.wait(PATIENCE)
        trade.set_on_order_changed(slow)

    def stalled(self, target: str, *args: Any) -> float:
        """How long another thread of this process stood still during a call, in seconds."""
        act, stop, ticks = self._find(target), threading.Event(), [time.monotonic()]

        def tick() -> None:
            while not stop.wait(TICK):
                ticks.append(time.monotonic())

        ticker = threading.Thread(target=tick)
        ticker.start()
        try:
            act(*args)
        finally:
            stop.set()
            ticker.join()
        return max(b - a for a, b in pairwise(ticks))

    def _find(self, target: str) -> Any:
        name, _, method = target.partition(".")
        return getattr(self._config if name == "config" else self._context(name), method)

    def _context(self, name: str) -> Any:
        if name not in self._contexts:
            kind = {"trade": self._api.TradeContext, "quote": self._api.QuoteContext}[name]
            self._contexts[name] = kind(self._config)
        return self._contexts[name]

    def _meant(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._meant(each) for each in value]
        if isinstance(value, dict) and not {*value} & {*TAGS}:
            return {key: self._meant(each) for key, each in value.items()}
        found = isinstance(value, str) and ENUM.fullmatch(value)
        if found and found[1] in ENUMS.split():
            return getattr(getattr(self._api, found[1]), found[2])
        return from_json(value)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


if __name__ == "__main__":
    Asked().serve()
