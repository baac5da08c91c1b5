"""Statistics of diagnostic tests: numpy and scipy only.

Conventions in every module: `truth` holds 0 (no cancer) and 1 (cancer); `score` grows with
suspicion; a case is called positive when score >= threshold; arrays of cases are one-dimensional
and of one length. A statistic that the data leave undefined (one class only, no variation) raises
`mammoscope.errors.ConfigError`, never returns a made-up number.
"""
