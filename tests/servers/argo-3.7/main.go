// Command argo does with an artifact repository what Argo Workflows does with it, by the code of Argo Workflows itself.
//
// It reads one JSON document, a task, and writes one, what came of it. The ConfigMaps are read as the workflow controller
// reads them, the key is rendered as in a pod's template, and the object is written and read as a pod's executor does.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"runtime/debug"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/argoproj/argo-workflows/v3/config"
	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/util/strftime"
	"github.com/argoproj/argo-workflows/v3/util/template"
	"github.com/argoproj/argo-workflows/v3/workflow/artifactrepositories"
	artifacts "github.com/argoproj/argo-workflows/v3/workflow/artifacts"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
)

const (
	system     = "kubeflow"
	controller = "workflow-controller-configmap"
)

// task is what to do: as a pod of a workflow in a namespace, with the objects that are there.
type task struct {
	Namespace string                       `json:"namespace"`
	Workflow  string                       `json:"workflow"`
	Pod       string                       `json:"pod"`
	Created   time.Time                    `json:"created"`
	Maps      []corev1.ConfigMap           `json:"configMaps"`
	Secrets   map[string]map[string]string `json:"secrets"`
	Action    string                       `json:"action"` // save, load or list
	Key       string                       `json:"key"`    // of an object elsewhere; else the place of the pod's log
	Path      string                       `json:"path"`   // the file to save, or the one to write
}

// outcome is what came of it.
type outcome struct {
	Bucket string   `json:"bucket"`
	Key    string   `json:"key"`
	Found  []string `json:"found"`
	Error  string   `json:"error"`
}

func main() {
	if len(os.Args) > 1 {
		fmt.Println(version())
		return
	}
	var asked task
	var answer outcome
	err := json.NewDecoder(os.Stdin).Decode(&asked)
	if err == nil {
		err = asked.run(context.Background(), &answer)
	}
	if err != nil {
		answer.Error = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		os.Exit(1)
	}
}

func (t *task) run(ctx context.Context, answer *outcome) error {
	repository, err := t.repository(ctx)
	if err != nil {
		return err
	}
	place, err := t.place(repository)
	if err != nil {
		return err
	}
	answer.Bucket, answer.Key = place.S3.Bucket, place.S3.Key
	artifact := &wfv1.Artifact{Name: "main-logs", ArtifactLocation: *place}
	driver, err := artifacts.NewDriver(ctx, artifact, secrets(t.Secrets))
	if err != nil {
		return err
	}
	switch t.Action {
	case "save":
		return driver.Save(t.Path, artifact)
	case "load":
		return driver.Load(artifact, t.Path)
	case "list":
		answer.Found, err = driver.ListObjects(artifact)
		return err
	}
	return fmt.Errorf("no such action: %q", t.Action)
}

// repository is the artifact repository of the task's namespace, or else the one that the controller has for all.
func (t *task) repository(ctx context.Context) (*wfv1.ArtifactRepository, error) {
	var objects []runtime.Object
	for index := range t.Maps {
		objects = append(objects, &t.Maps[index])
	}
	cluster := fake.NewSimpleClientset(objects...)
	settings, err := config.NewController(system, controller, cluster).Get(ctx)
	if err != nil {
		return nil, err
	}
	known := artifactrepositories.New(cluster, system, &settings.ArtifactRepository)
	reference, err := known.Resolve(ctx, nil, t.Namespace)
	if err != nil {
		return nil, err
	}
	return known.Get(ctx, reference)
}

// place is where the log of the task's pod is archived, or where the task's own key says.
func (t *task) place(repository *wfv1.ArtifactRepository) (*wfv1.ArtifactLocation, error) {
	text, err := json.Marshal(repository.ToArtifactLocation())
	if err != nil {
		return nil, err
	}
	rendered, err := template.Replace(string(text), t.variables(), false)
	if err != nil {
		return nil, err
	}
	place := &wfv1.ArtifactLocation{}
	if err := json.Unmarshal([]byte(rendered), place); err != nil {
		return nil, err
	}
	key, err := place.GetKey()
	if err != nil {
		return nil, err
	}
	if t.Key != "" {
		return place, place.SetKey(t.Key)
	}
	return place, place.SetKey(path.Join(key, "main.log"))
}

// variables are those of a workflow that a key may name.
func (t *task) variables() map[string]string {
	known := map[string]string{
		common.GlobalVarWorkflowName:      t.Workflow,
		common.GlobalVarWorkflowNamespace: t.Namespace,
		common.LocalVarPodName:            t.Pod,
	}
	for letter := range strftime.FormatChars {
		name := fmt.Sprintf("%s.%c", common.GlobalVarWorkflowCreationTimestamp, letter)
		known[name] = strftime.Format(fmt.Sprintf("%%%c", letter), t.Created)
	}
	return known
}

// secrets are those of the task's namespace.
type secrets map[string]map[string]string

func (s secrets) GetSecret(_ context.Context, name, key string) (string, error) {
	if value, ok := s[name][key]; ok {
		return value, nil
	}
	return "", fmt.Errorf("the namespace has no Secret %s with the key %s", name, key)
}

func (s secrets) GetConfigMapKey(_ context.Context, name, key string) (string, error) {
	return "", fmt.Errorf("the namespace has no ConfigMap %s with the key %s", name, key)
}

// version is that of the code of Argo Workflows in this program.
func version() string {
	built, _ := debug.ReadBuildInfo()
	for _, module := range built.Deps {
		if strings.HasPrefix(module.Path, "github.com/argoproj/argo-workflows/") {
			return module.Version
		}
	}
	return ""
}
