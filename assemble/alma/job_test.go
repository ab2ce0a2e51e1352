package alma

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/host"
)

// What package assemble calls things.
const (
	summaryFile      = "SUMMARY.md"
	imagePartialFile = "image.partial"
	panicFile        = "panic.txt"
	eventsFile       = "events.jsonl"
)

func provenanceName(out string) string { return out + ".intoto.json" }
func checksumsName(out string) string  { return filepath.Join(filepath.Dir(out), "SHA256SUMS") }

// resolve takes a Spec the whole way to its plan.
func resolve(ctx context.Context, s Spec, h host.Host) (*Plan, error) {
	if err := s.Check(ctx, h); err != nil {
		return nil, err
	}
	iso, err := s.Locate(ctx, h, nil)
	if err != nil {
		return nil, err
	}
	return Resolve(ctx, h, s, iso)
}

// inJob does something as the only step of a plan's build.
func inJob(t testing.TB, p *Plan, sink assemble.Sink, do func(context.Context, *assemble.Job) error) error {
	t.Helper()
	b, done := p.build(), false
	b.Steps = []assemble.Step{{Name: "test", Patient: true, Run: func(ctx context.Context, j *assemble.Job) (string, error) {
		err := do(ctx, j)
		done = err == nil
		return "", err
	}}}
	if _, err := b.Run(t.Context(), sink); !done {
		return err
	}
	return nil // and nothing was published, of course
}

// bundleOf is the bundle that an error names, or "".
func bundleOf(err error) string {
	var kept *assemble.KeptError
	if errors.As(err, &kept) {
		return kept.Bundle
	}
	return ""
}
