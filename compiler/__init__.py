"""mlflow-overlays: a small environment.yaml becomes a proved Kustomize overlay."""
