"""The settings of whom the daemon tells, and who may ask."""

from typing import Annotated

from pydantic import Field

from config.values import Alarm, ChatId, Loudness, Table, UserId


class NotifySettings(Table):
    """Which kinds of messages ring, which come without a sound, which do not come at all."""

    run: Loudness = Field(default="on", description="A run that sent orders, or left something.")
    no_trade: Loudness = Field(
        default="silent", description="A session on which nothing was to be traded."
    )
    startup: Loudness = Field(default="silent", description="A book taken up by a daemon.")
    blocked: Alarm = Field(default="on", description="A run that was blocked, and why.")
    halted: Alarm = Field(default="on", description="A book that needs a person.")
    missed: Alarm = Field(default="on", description="A session that was missed.")
    error: Alarm = Field(default="on", description="Everything else that went wrong.")


class TelegramSettings(Table):
    """The chat that is told, and who may ask; the bot's token is a secret, telegram_token."""

    chat: ChatId = Field(description="The only chat that is told and listened to.")
    users: tuple[UserId, ...] = Field(
        default=(), description="Ids of the users who may command; nobody by default."
    )
    api: Annotated[str, Field(pattern=r"^https?://\S+$")] = Field(
        default="https://api.telegram.org/bot",
        description="Where the Bot API answers; the simulator prints its own.",
    )
    notify: NotifySettings = Field(
        default=NotifySettings(), description="Which kinds of messages ring, on, silent or off."
    )
