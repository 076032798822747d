"""What the benchmarks share: both harnesses behind one interface, workloads, figures."""
