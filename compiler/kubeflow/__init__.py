"""Kubeflow Pipelines: what only its environments have. It is an installation of upstream's manifests on a store of one's own."""
