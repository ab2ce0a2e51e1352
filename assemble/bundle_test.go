package assemble

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCheckBundle(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "mine.tar.zst")
	if err := os.WriteFile(foreign, []byte("not ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	staged := filepath.Join(dir, "staged")
	if err := os.Mkdir(staged, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(staged, SummaryFile), []byte("# failed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ours := filepath.Join(dir, "ours.tar.zst")
	if err := archiveBundle(staged, ours, "x.failed", time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"": "", ours: "", filepath.Join(dir, "new.tar.zst"): "",
		foreign: "is no failure bundle", dir + "/x.tar.gz": "does not end in", dir + "/none/x.tar.zst": "does not exist",
	} {
		err := CheckBundle(path)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
	}
}
