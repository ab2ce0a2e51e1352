// Judge of files in docs/ci: main ENGINE FILE. The engine's own reader, or what its
// users check with, reads the file; what it has against it is printed, with exit code 1.
// Of buildkite and kubernetes the command is printed, as a shell gets it.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/buildkite/go-pipeline"
	"github.com/rhysd/actionlint"
	batch "k8s.io/api/batch/v1"
	"sigs.k8s.io/yaml"
)

var engines = map[string]func(text []byte) error{"github": github, "buildkite": buildkite, "kubernetes": kubernetes}

func main() {
	text, err := os.ReadFile(os.Args[2])
	if err == nil {
		err = engines[os.Args[1]](text)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func github(text []byte) error {
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{Shellcheck: "shellcheck"})
	if err != nil {
		return err
	}
	found, err := linter.Lint(".github/workflows/images.yml", text, nil)
	if err == nil && len(found) > 0 {
		err = found[0]
	}
	return err
}

// nothing is the environment of whoever uploads a pipeline: no job's.
type nothing struct{}

func (nothing) Get(string) (string, bool) { return "", false }
func (nothing) Set(string, string)        {}

func buildkite(text []byte) error {
	p, err := pipeline.Parse(bytes.NewReader(text))
	if err != nil {
		return err
	}
	if err := p.Interpolate(nothing{}, false); err != nil {
		return err
	}
	for _, step := range p.Steps {
		command, ok := step.(*pipeline.CommandStep)
		if !ok {
			return fmt.Errorf("a step of type %T", step)
		}
		fmt.Println(command.Command)
	}
	return nil
}

func kubernetes(text []byte) error {
	var job batch.Job
	if err := yaml.UnmarshalStrict(text, &job); err != nil {
		return err
	}
	for _, c := range job.Spec.Template.Spec.Containers {
		fmt.Println(c.Command[2])
	}
	return nil
}
