"""Who outside hears of a daemon: a chat, a watcher, a supervisor, readers of signals."""

from adapters.systemd import Systemd
from bot.ports import ChatLine, Supervisor, Watcher
from bot.words import Language, Words
from config.secrets import secret
from config.settings import Settings
from config.supervision import supervision


def line(settings: Settings) -> ChatLine | None:
    """The chat the settings name, None where they name none. Raises SettingsProblem for its token.

    It is opened by whoever is to tell or listen; looking at a ledger needs no secret.
    """
    told = settings.telegram
    if told is None:
        return None
    # Its library takes as long to import as pandas: who has no chat does not wait for it.
    from adapters.telegram import Door, Loudness, Telegram

    return Telegram(
        secret("telegram_token").value,
        Door(told.chat, frozenset(told.users)),
        api=told.api,
        loudness={kind: Loudness(how) for kind, how in told.notify.model_dump().items()},
        repeat_mark=Words(Language(settings.language)).phrase("repeat"),
    )


def watcher(settings: Settings) -> Watcher | None:
    """Who is told outside that sessions are handled. Raises SettingsProblem for the address."""
    if not settings.health.deadman:
        return None
    # Who has no watcher does not wait for a library of the web.
    from adapters.healthchecks import Healthchecks

    return Healthchecks(secret("deadman_address").value)


def signals_token(settings: Settings) -> str | None:
    """What readers of signals have to know, None where nobody may read any."""
    return secret("signals_token").value if settings.health.signals else None


def supervisor() -> Supervisor | None:
    """Who wants to hear that the daemon lives, None where nobody does."""
    told = supervision()
    return Systemd(told.address, told.every) if told else None
