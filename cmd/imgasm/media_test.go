package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Unfit input is told apart from a wrong call and from everything else.
func TestMediaExitCodes(t *testing.T) {
	dir := t.TempDir()
	ks := filepath.Join(dir, "ks.cfg")
	if err := os.WriteFile(ks, []byte("text\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	for _, c := range []struct {
		args string
		want int
	}{
		{"media oemdrv " + ks + " -o " + out, exitDone},
		{"media boot --iso " + ks + " -o " + out, exitInput},
		{"media boot --iso " + out + " -o " + out, exitInput}, // an OEMDRV volume is no installer
		{"media oemdrv " + ks + " rhdd3=" + ks + " -o " + out, exitInput},
		{"media oemdrv " + ks + " ../up=" + ks + " -o " + out, exitInput},
		{"media disk --size 10X -o " + out, exitInput},
		{"media disk --size 1G --layout esp:2G -o " + out, exitInput},
		{"media disk --size 1G", exitUsage},
		{"media usb --iso " + ks + " -o " + out, exitUsage},
		{"media oemdrv " + filepath.Join(dir, "none.cfg") + " -o " + out, exitInput},
		{"media oemdrv " + ks + " -o " + filepath.Join(dir, "none", "out"), exitInput},
		{"media oemdrv " + ks + " -o " + dir, exitInput},
		{"media disk --size 1G -o " + filepath.Join(dir, "none", "out"), exitInput},
	} {
		var stderr bytes.Buffer
		args := append([]string{"imgasm"}, strings.Fields(c.args)...)
		got := run(context.Background(), args, strings.NewReader(""), &bytes.Buffer{}, &stderr, func(string) string { return "" })
		if got != c.want {
			t.Errorf("%s: exit code %d, want %d\n%s", c.args, got, c.want, &stderr)
		}
	}
}
