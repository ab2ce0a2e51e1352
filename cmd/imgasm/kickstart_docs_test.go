// The examples of docs/kickstart.md are run: files and outputs are as shown.

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// "`web.ks`:", then a block with the file's contents.
	docFile = regexp.MustCompile("(?ms)^`([a-z.]+)`:\n\n```kickstart\n(.*?)^```$")
	// A block with "$ imgasm …" and what it prints.
	docSession = regexp.MustCompile("(?ms)^```console\n\\$ imgasm ([^\n]*)\n(.*?)^```$")
)

func TestKickstartDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/kickstart.md")
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	t.Chdir(t.TempDir())
	for _, m := range docFile.FindAllSubmatch(text, -1) {
		if err := os.WriteFile(filepath.Base(string(m[1])), m[2], 0o666); err != nil {
			t.Fatal(err)
		}
	}
	sessions := docSession.FindAllSubmatch(text, -1)
	if len(sessions) < 3 {
		t.Fatalf("only %d examples found", len(sessions))
	}
	for _, m := range sessions {
		var stdout, stderr bytes.Buffer
		args := append([]string{"imgasm"}, strings.Fields(string(m[1]))...)
		run(context.Background(), args, strings.NewReader(""), &stdout, &stderr, func(string) string { return "" })
		if stdout.String() != string(m[2]) {
			t.Errorf("imgasm %s prints\n%s\nthe documentation says\n%s\n(on stderr: %s)", m[1], stdout.String(), m[2], stderr.String())
		}
	}
}
