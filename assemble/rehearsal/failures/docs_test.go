package failures

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table into docs/rehearsal.md")

// The manual shows the table as it is.
func TestManual(t *testing.T) {
	const manual = "../../../docs/rehearsal.md"
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	const head = "| name | what the guest does | conclusion |\n|---|---|---|\n"
	before, _, found := strings.Cut(string(text), head)
	if !found {
		t.Fatalf("%s: no table of failures", manual)
	}
	want := before + head
	for _, f := range All() {
		want += fmt.Sprintf("| `%s` | %s | %s |\n", f.Name, f.Does, f.Want)
	}
	if *update {
		if err := os.WriteFile(manual, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s is not the table's: go test ./assemble/rehearsal/failures -update", manual)
	}
}
