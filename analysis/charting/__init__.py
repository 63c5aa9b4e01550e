"""The charts, a kind a room; `analysis.charts` is their front."""
