"""Results -> files: result folders, tables, figures, plots, the cohort report. Written beside, then renamed."""
