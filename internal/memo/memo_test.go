package memo

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestRecall(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	var got []int
	if Recall(dir, "x", "a", &got) {
		t.Error("something was remembered of nothing")
	}
	Keep(dir, "x", "a", []int{1, 2})
	if !Recall(dir, "x", "a", &got) || len(got) != 2 {
		t.Errorf("%v was remembered", got)
	}
	if Recall(dir, "x", "b", &got) || Recall(dir, "x", "", &got) || Recall("", "x", "a", &got) {
		t.Error("what was kept of another thing was remembered")
	}
	Keep(dir, "x", "b", "text")
	if Recall(dir, "x", "b", &got) {
		t.Error("a text was read as numbers")
	}
	if err := os.WriteFile(filepath.Join(dir, "x"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if Recall(dir, "x", "b", &got) {
		t.Error("a damaged file was remembered")
	}
}

func TestProgram(t *testing.T) {
	if Boot() == "" {
		t.Skip("this system's boot cannot be told")
	}
	path := filepath.Join(t.TempDir(), "program")
	if Program(path) != "" {
		t.Error("a program that is not there is known")
	}
	write := func(text string, at int64) string {
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Unix(at, 0), time.Unix(at, 0)); err != nil {
			t.Fatal(err)
		}
		return Program(path)
	}
	first := write("one", 1)
	if first == "" || write("one", 1) != first || write("three", 1) == first || write("two", 2) == first {
		t.Errorf("%q", first)
	}
}
