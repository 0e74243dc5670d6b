"""The steps that all trackers share: kernels over arrays with names."""
