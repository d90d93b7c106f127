"""Runs an environment on a whole cluster: by default the one of `make kind-up`, or one that is named."""
