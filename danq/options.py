"""The base of every section of a configuration."""

from pydantic import BaseModel, ConfigDict


class Closed(BaseModel):
    """A section of the configuration that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
