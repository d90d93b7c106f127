"""Where Kubeflow Pipelines keeps what in the bucket: the one place that settings, policies and checks take prefixes from.

deployKF's guide to external object stores has the three: definitions of pipelines, artifacts of version 1 and logs, artifacts
of version 2. The last two have the namespace of the run next, so that a policy can hold a profile to its own.
"""

from __future__ import annotations

from dataclasses import dataclass

NAMESPACE = "kubeflow"
"""Where upstream's manifests are installed: its own references between objects name it."""
PROFILE = "{profile_name}"
"""What stands for the name of a profile in the settings of all."""
_WORKFLOW = "{{workflow.namespace}}"
_DEFAULT_KEY = (
    "{{workflow.name}}/{{workflow.creationTimestamp.Y}}/{{workflow.creationTimestamp.m}}/"
    "{{workflow.creationTimestamp.d}}/{{pod.name}}"
)


@dataclass(frozen=True)
class Layout:
    """The prefixes inside a bucket; everything is below `prefix` where there is one.

    `key_format` and `pipeline_root` are what somebody asked for instead of the defaults, as paths inside the bucket.
    """

    prefix: str
    key_format: str | None = None
    pipeline_root: str | None = None

    def _below(self, path: str) -> str:
        return f"{self.prefix}/{path}" if self.prefix else path

    @property
    def pipelines(self) -> str:
        """The prefix of definitions of pipelines, without a slash at its end."""
        return self._below("pipelines")

    @property
    def first(self) -> str:
        """The prefix of artifacts of version 1 and of logs."""
        return self._below("artifacts")

    @property
    def second(self) -> str:
        """The prefix of artifacts of version 2."""
        return self._below("v2/artifacts")

    @property
    def backend(self) -> tuple[str, ...]:
        """What the API server and the UI read and write."""
        return (self.first, self.pipelines, self.second)

    def profile(self, namespace: str) -> tuple[str, ...]:
        """What runs of one namespace read and write."""
        return (f"{self.first}/{namespace}", f"{self.second}/{namespace}")

    def key(self, namespace: str = "") -> str:
        """The key of Argo Workflows for an artifact; of one namespace, or with what stands for the run's."""
        asked = self.key_format or f"{self.first}/{_WORKFLOW}/{_DEFAULT_KEY}"
        return asked.replace(_WORKFLOW, namespace) if namespace else asked

    def root(self, namespace: str) -> str:
        """The path inside the bucket that runs of a namespace keep artifacts under."""
        return (self.pipeline_root or f"{self.second}/{PROFILE}").replace(PROFILE, namespace)

    @property
    def key_start(self) -> str:
        """What every key has to start with, so that the policies hold."""
        return f"{self.first}/{_WORKFLOW}/"

    @property
    def root_start(self) -> str:
        """What the root has to be, or start with before a slash."""
        return f"{self.second}/{PROFILE}"
