package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/kickstart"
)

func TestKSErrors(t *testing.T) {
	for text, want := range map[string]ksError{
		"lang en_US.UTF-8\n\nfrobnicate now\n": {3, "Unknown command: frobnicate"},
		"part / --size=1 --bogus\n":            {1, "unrecognized arguments: --bogus"},
		"url --url\n":                          {1, "argument --url: expected one argument"},
		"auth --enableshadow\n":                {1, "auth has been removed."},
		"%post\necho\n":                        {2, "Section %post does not end with %end."},
		"cmdline\n%anaconda\n%end\n":           {2, "Unknown kickstart section: %anaconda"},
		"cmdline\n%nonsense\n%end\n":           {2, "Unknown kickstart section: %nonsense"},
	} {
		f, err := kickstart.Parse("ks.cfg", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := ksErrors(f); len(got) == 0 || got[0] != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	f, _ := kickstart.Parse("ks.cfg", []byte("cmdline\npoweroff\n"))
	if got := ksErrors(f); len(got) != 0 {
		t.Errorf("a good file: %v", got)
	}
}

func TestKSWarnings(t *testing.T) {
	f, err := kickstart.Parse("ks.cfg", []byte("cmdline\nvnc\npoweroff\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := ksWarnings(f); len(got) != 1 || !strings.HasPrefix(got[0], "line 2: vnc is deprecated") {
		t.Errorf("%q, want one warning about vnc", got)
	}
	if got := ksErrors(f); len(got) != 0 {
		t.Errorf("a deprecated command is an error: %v", got)
	}
}

func TestExpand(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return filepath.ToSlash(path)
	}
	inner := write("inner.ks", "poweroff")
	outer := write("outer.ks", "zerombr\n%include "+inner+"\n")
	pkgs := write("pkgs", "vim\n")
	got, bad := expand([]byte("cmdline\n%include "+outer+"\n%packages\n%include "+pkgs+"\n%end\n%post\n%include /no/script\n%end\n"), 0)
	if want := "cmdline\nzerombr\npoweroff\n%packages\nvim\n%end\n%post\n%include /no/script\n%end\n"; string(got) != want || bad != nil {
		t.Errorf("%q, %v", got, bad)
	}
	if _, bad := expand([]byte("cmdline\n%include /no/such/file\n"), 0); bad == nil || bad.Line != 2 || !strings.Contains(bad.Text, "Unable to open input kickstart file") {
		t.Errorf("%v", bad)
	}
	loop := filepath.ToSlash(filepath.Join(dir, "loop.ks"))
	write("loop.ks", "cmdline\n%include "+loop+"\n")
	if got, _ := expand([]byte("%include "+loop+"\n"), 0); len(got) > 1<<16 {
		t.Errorf("a circle became %d bytes", len(got))
	}
}
