package assemble_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/imgasm/imgasm/assemble"
)

// A kind of build of one's own: two steps.
func ExampleBuild() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	outputs, err := assemble.Output{Out: filepath.Join(dir, "zero.raw")}.Resolve()
	if err != nil {
		panic(err)
	}
	b := assemble.Build{Outputs: outputs, Now: time.Now, Version: "1.0", Steps: []assemble.Step{
		{Name: "disk", Text: "make a disk of zeros", Run: func(_ context.Context, j *assemble.Job) (string, error) {
			_, err := j.Make("disk", func(f *os.File) error { return f.Truncate(1 << 20) })
			return "1 MiB", err
		}},
		{Name: "publish", Text: "move it to its place", Run: func(ctx context.Context, j *assemble.Job) (string, error) {
			return j.Publish(ctx, assemble.Product{Images: []assemble.Made{{File: "disk", Image: assemble.Image{Product: "zero", Format: "raw"}}}})
		}},
	}}
	result, err := b.Run(context.Background(), func(e assemble.Event) {
		if e.Kind == "step-done" && e.Step == "disk" {
			fmt.Println(e.Step, e.Text)
		}
	})
	fmt.Println(filepath.Base(result.Out), result.Image.Output.Size, err)
	// Output:
	// disk 1 MiB
	// zero.raw 1048576 <nil>
}
