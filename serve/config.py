"""Settings of the gateway."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from market.errors import ConfigError

__all__ = ["GatewayConfig"]

_SHORTEST_TOKEN = 16


class GatewayConfig(BaseModel):
    """What the gateway needs to know.

    Parameters
    ----------
    token : SecretStr, optional
        The token that every caller must show; at least 16 characters.
    token_file : Path, optional
        File that holds the token, for configurations that are shown to others; exactly one of the two is given.
    symbols : tuple of str, optional
        Symbols that must have a field before ``/readyz`` says yes; what the feed delivers is added.
    bus_name : str
        Name of the bus actor.
    namespace : str
        Ray namespace of the bus actor.
    stale_after_s : float
        A field whose chain arrived longer ago is stale, seconds.
    heartbeat_s : float
        Longest silence on an event stream, seconds.
    max_streams : int
        Most event streams at a time; one more is refused with 503.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: SecretStr | None = None
    token_file: Path | None = None
    symbols: tuple[str, ...] = ()
    bus_name: str = "bus"
    namespace: str = "hedgefield"
    stale_after_s: float = Field(default=10.0, gt=0.0)
    heartbeat_s: float = Field(default=10.0, gt=0.0, le=60.0)
    max_streams: int = Field(default=256, ge=1, le=900)

    def secret(self) -> str:
        """Return the token, read from its file where one is named."""
        if (self.token is None) == (self.token_file is None):
            raise ConfigError(
                "the gateway needs a token",
                found="both" if self.token else "none",
                expected="exactly one of token and token_file",
                action="set one of them; `hedgefield up` makes a token by itself",
            )
        if self.token is not None:
            text = self.token.get_secret_value()
        else:
            text = Path(str(self.token_file)).read_text(encoding="utf-8").strip()
        if len(text) < _SHORTEST_TOKEN:
            raise ConfigError(
                "the token is too short",
                found=f"{len(text)} characters",
                expected=f"at least {_SHORTEST_TOKEN}",
                action="use a longer one, such as `python -c 'import secrets; print(secrets.token_urlsafe(32))'`",
            )
        return text
