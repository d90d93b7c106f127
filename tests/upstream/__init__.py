"""The outlines of Kubeflow Pipelines, and what the components do, held against upstream's own manifests: `make upstream-test`."""
