// Command trivy judges Kubernetes manifests by the checks that Trivy embeds, with the code by which Trivy runs them.
//
// Without arguments it lists the checks of Kubernetes manifests, one id a line. With files it writes one JSON document: for each
// file the checks that fail, each with the kind and name of the object and Trivy's message. It asks no network and no cluster.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/aquasecurity/trivy/pkg/iac/framework"
	"github.com/aquasecurity/trivy/pkg/iac/rego"
	"github.com/aquasecurity/trivy/pkg/iac/rules"
	"github.com/aquasecurity/trivy/pkg/iac/types"
)

// failure is a check that an object fails, and what Trivy says of it.
type failure struct {
	Check   string `json:"check"`
	Object  string `json:"object"`
	Message string `json:"message"`
}

func main() {
	run := scan
	if len(os.Args) == 1 {
		run = list
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func list([]string) error {
	rego.LoadAndRegister()
	ids := []string{}
	for _, rule := range rules.GetRegistered(framework.Default) {
		if rule.Provider == "kubernetes" && !rule.Deprecated {
			ids = append(ids, rule.ID)
		}
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		fmt.Println(id)
	}
	return nil
}

func scan(files []string) error {
	scanner := rego.NewScanner(rego.WithEmbeddedPolicies(true), rego.WithEmbeddedLibraries(true))
	if err := scanner.LoadPolicies(os.DirFS(os.TempDir())); err != nil {
		return err
	}
	found := map[string][]failure{}
	for _, file := range files {
		objects, err := read(file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		failures := []failure{}
		for _, object := range objects {
			results, err := scanner.ScanInput(context.Background(), types.SourceKubernetes, rego.Input{Path: file, Contents: object})
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			metadata, _ := object["metadata"].(map[string]any)
			name := fmt.Sprintf("%v %v", object["kind"], metadata["name"])
			for _, result := range results.GetFailed() {
				failures = append(failures, failure{result.Rule().ID, name, result.Description()})
			}
		}
		found[filepath.Base(file)] = failures
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

// read returns the objects of a file of YAML documents.
func read(file string) ([]map[string]any, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	objects := []map[string]any{}
	for {
		var object map[string]any
		if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
			return objects, nil
		} else if err != nil {
			return nil, err
		}
		if object != nil {
			objects = append(objects, object)
		}
	}
}
