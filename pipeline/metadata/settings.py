"""Where ML Metadata keeps its records: the ``metadata`` table."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from models.config import Settings


class MetadataConfig(Settings):
    """Where ML Metadata keeps what ran and what came of it, for runs on this machine."""

    backend: Literal["sqlite", "mysql"] = "sqlite"
    """``sqlite``: the file ``metadata.sqlite`` in the pipeline's folder. ``mysql``: a server, which several
    pipelines and machines may share."""
    host: str | None = Field(default=None, min_length=1)
    """Of MySQL: the server's name or address."""
    port: int = Field(default=3306, ge=1, le=65_535)
    """Of MySQL."""
    database: str = Field(default="lexmill", pattern=r"^[A-Za-z0-9_$-]{1,64}$")
    """Of MySQL; made when it is not there and the user may."""
    user: str | None = Field(default=None, min_length=1)
    """Of MySQL."""
    password_variable: str = Field(default="LEXMILL_METADATA_PASSWORD", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Of MySQL: the environment variable that holds the password; unset, none is sent."""
    timeout_s: float = Field(default=10.0, gt=0, le=600)
    """Of MySQL: how long to wait for the server's greeting."""

    @model_validator(mode="after")
    def _a_server_has_an_address_and_a_file_has_none(self) -> MetadataConfig:
        if self.backend == "mysql":
            missing = [name for name in ("host", "user") if getattr(self, name) is None]
            if missing:
                raise ValueError(f'backend = "mysql" needs {" and ".join(missing)}')
            return self
        given = sorted(self.model_fields_set - {"backend"})
        if given:
            raise ValueError(f'{", ".join(given)}: only with backend = "mysql": add that, or remove the rest')
        return self
