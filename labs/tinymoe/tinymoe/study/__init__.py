"""What pruning and rounding cost in quality, by domain, in and out of the calibration mix."""
