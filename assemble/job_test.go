package assemble

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/redact"
)

// toy is a kind of build: one step that does something, and makes the image if
// that went well, and one that publishes it.
func toy(t *testing.T, do func(context.Context, *Job) (string, error)) *Build {
	t.Helper()
	out, err := Output{Out: filepath.Join(t.TempDir(), "toy.raw"), Checksums: true}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	return &Build{Outputs: out, Now: time.Now, Version: "test", Steps: []Step{
		{Name: "make", Text: "make the image", Run: func(ctx context.Context, j *Job) (string, error) {
			text, err := do(ctx, j)
			if err != nil {
				return "", err
			}
			_, err = j.Make("image", func(f *os.File) error { _, err := f.WriteString("a disk"); return err })
			return text, err
		}},
		{Name: "skipped", Skip: "nobody wants it"},
		{Name: "publish", Run: func(ctx context.Context, j *Job) (string, error) {
			return j.Publish(ctx, Product{Images: []Made{{"image", Image{Product: "toy", Format: "raw"}}}})
		}},
	}}
}

func TestBuild(t *testing.T) {
	b := toy(t, func(context.Context, *Job) (string, error) { return "made", nil })
	b.Notes, b.Cautions = []string{"a note"}, []Caution{{Text: "once"}, {Text: "twice", Lasting: true}}
	var said []string
	result, err := b.Run(t.Context(), func(e Event) {
		if e.Kind != event.Progress {
			said = append(said, string(e.Kind)+" "+e.Step+" "+e.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"warning  once", "warning  twice", "note  a note", "step-start make make the image", "step-done make made", "step-skip skipped nobody wants it",
		"step-start publish ", "step-done publish " + result.Out + " (6 B) and toy.raw.json", "warning publish twice", "result publish " + result.Out,
	}
	if !slices.Equal(said, want) {
		t.Errorf("said\n%s\nwant\n%s", strings.Join(said, "\n"), strings.Join(want, "\n"))
	}
	entries, err := os.ReadDir(filepath.Dir(result.Out))
	if err != nil || len(entries) != 3 || result.Image.Output.SHA256 != digest.Bytes([]byte("a disk")) {
		t.Errorf("%v, %v, %+v; want the image, its description and the checksums", entries, err, result.Image)
	}
	if err := replaceable(result.Out); err != nil {
		t.Errorf("the published image is not recognised: %v", err)
	}
}

// However a build ends, its page says so, and no secret.
func TestReport(t *testing.T) {
	stopped, stop := context.WithCancelCause(t.Context())
	for name, c := range map[string]struct {
		do   func(context.Context, *Job) (string, error)
		ctx  context.Context
		want string
	}{
		"done":   {func(context.Context, *Job) (string, error) { return "made", nil }, t.Context(), ": done</title>"},
		"failed": {func(context.Context, *Job) (string, error) { return "", errors.New("no hunter2 here") }, t.Context(), `<p class="reason">no REDACTED here</p>`},
		"kept": {func(_ context.Context, j *Job) (string, error) {
			return "", j.Fail("the guest", errors.New("its hunter2 is gone"), nil)
		}, t.Context(), `<p class="reason">its REDACTED is gone</p>`},
		"panicked": {func(context.Context, *Job) (string, error) { panic("hunter2") }, t.Context(), ": failed</title>"},
		"stopped": {func(ctx context.Context, _ *Job) (string, error) {
			stop(errors.New("Ctrl-C"))
			return "", context.Cause(ctx)
		}, stopped, ": interrupted</title>"},
	} {
		b := toy(t, c.do)
		b.Secrets = redact.New("hunter2")
		b.Outputs.Report = filepath.Join(t.TempDir(), "pages")
		_, _ = b.Run(c.ctx, nil) // another test's matter
		page, err := os.ReadFile(filepath.Join(b.Outputs.Report, "toy.raw.html"))
		if err != nil || !strings.Contains(string(page), c.want) || strings.Contains(string(page), "hunter2") {
			t.Errorf("%s: %v\n%s", name, err, page)
		}
	}
}

// A defect in a step, or in a goroutine that works for it, is an error with a
// bundle that has the stack.
func TestPanicInStep(t *testing.T) {
	for name, do := range map[string]func(context.Context, *Job) (string, error){
		"in the step": func(_ context.Context, j *Job) (string, error) { return j.Steps[len(j.Steps)].Name, nil },
		"beside it": func(context.Context, *Job) (string, error) {
			failed := make(chan error, 1)
			go guard.Func(func() { var none []string; _ = none[len(failed)] }, func(err error) { failed <- err })()
			return "", <-failed
		},
	} {
		b := toy(t, do)
		_, err := b.Run(t.Context(), nil)
		var kept *KeptError
		if !errors.Is(err, ErrPanic) || !errors.As(err, &kept) || !strings.Contains(err.Error(), `in the step "make": runtime error: index out of range`) {
			t.Fatalf("%s: %v (%T), want ErrPanic with a bundle", name, err, err)
		}
		if want := b.Outputs.Path + ".failed"; kept.Bundle != want || !strings.HasSuffix(err.Error(), "\nlogs: "+want) || Hint(err) == "" {
			t.Errorf("%s: bundle %q, error %q", name, kept.Bundle, err)
		}
		for file, want := range map[string]string{panicFile: "TestPanicInStep", eventsFile: `"kind":"error"`, SummaryFile: "- " + panicFile + ": "} {
			if text, err := os.ReadFile(filepath.Join(kept.Bundle, file)); err != nil || !strings.Contains(string(text), want) {
				t.Errorf("%s: %s: %v; want %q in\n%s", name, file, err, want, text)
			}
		}
	}
}
