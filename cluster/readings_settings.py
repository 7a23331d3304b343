"""What the regimes and signals of a backtest are read from."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from cluster.feed_settings import SettingsPart
from fields.live.config import LiveConfig
from fields.live.context_config import INDEX_INPUTS, ContextConfig

__all__ = ["ReadingsSettings"]


def _known_inputs(series: dict[str, str]) -> dict[str, str]:
    unknown = sorted(set(series) - set(INDEX_INPUTS))
    if unknown:
        raise ValueError(f"no input is called {', '.join(unknown)}; there are {', '.join(INDEX_INPUTS)}")
    return series


class ReadingsSettings(SettingsPart):
    """Whose series and bars are which input."""

    series: Annotated[dict[str, str], AfterValidator(_known_inputs)] = Field(
        {}, description="Name of the series of vix, vix9d, vix3m, vix6m, vvix, skew or rate; else VIX and so on, DFF."
    )
    bars: dict[str, str] = Field({}, description="Whose bars are those of a symbol, by symbol; else its own.")

    def live(self) -> LiveConfig:
        """Return them as a shard has them."""
        context = ContextConfig()
        return LiveConfig(
            context=ContextConfig(series={**context.series, **self.series}, bars={**context.bars, **self.bars})
        )
