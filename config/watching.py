"""The settings of how a daemon is watched over: its log, its health, its backups."""

from typing import Annotated, Literal

from pydantic import Field

from config.values import Flag, Port, Table


class HealthSettings(Table):
    """How others learn whether everything a run needs is proven."""

    port: Port | None = Field(
        default=None,
        description="The port of this host that answers /healthz and /metrics; none without it.",
    )
    deadman: Flag = Field(
        default=False,
        description="Whether a watcher outside is told of each session; its address is a secret.",
    )
    signals: Flag = Field(
        default=False,
        description="Whether that port serves /api/signals/NAME to holders of a secret token.",
    )
    disk_free_mib: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = Field(
        default=200, description="The least free room on the disk of the state, in MiB."
    )


class LogSettings(Table):
    """What is written on stderr, and how."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least important line the log keeps."
    )
    format: Literal["console", "json"] = Field(
        default="console",
        description="Lines for people, or json: one object a line for programs.",
    )


class BackupSettings(Table):
    """What `bellwether backup` leaves in its folder."""

    keep: Annotated[int, Field(strict=True, ge=1, le=10_000)] = Field(
        default=14, description="How many of the latest backups stay; older ones are removed."
    )
