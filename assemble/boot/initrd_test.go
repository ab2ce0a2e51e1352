package boot_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/iotest"
	"time"

	"github.com/imgasm/imgasm/assemble/boot"

	"github.com/cavaliergopher/cpio"

	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/tree"
)

var testTime = time.Date(2025, 11, 24, 10, 20, 30, 0, time.UTC)

func appended(t *testing.T, initrd []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	files := []tree.File{
		tree.Bytes("ks.cfg", []byte("text\n")),
		tree.Bytes("etc/deep/a", []byte("12345")),
		tree.Bytes("empty", nil),
		tree.Dir("folder"),
	}
	f, err := boot.WithFiles(tree.Bytes("initrd.img", initrd), files, testTime)
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Copy(&out, f); err != nil {
		t.Fatal(err)
	}
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := iotest.TestReader(struct{ io.Reader }{r}, out.Bytes()); err != nil { // as writers do that want pieces
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestWithFiles(t *testing.T) {
	for size := range 6 {
		initrd := bytes.Repeat([]byte{'x'}, size)
		out := appended(t, initrd)
		if !bytes.HasPrefix(out, initrd) {
			t.Fatal("the initrd itself was changed")
		}
		at := (size + 3) &^ 3
		if string(out[at:at+6]) != "070701" {
			t.Fatalf("initrd of %d bytes: no archive at byte %d", size, at)
		}
		r := cpio.NewReader(bytes.NewReader(out[at:]))
		var got []string
		for {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if !h.ModTime.Equal(testTime) || h.Uid != 0 {
				t.Errorf("%s: dated %s, owner %d", h.Name, h.ModTime, h.Uid)
			}
			got = append(got, h.Mode.String()+" "+h.Name+"="+string(b))
		}
		want := "0100644 empty=|040755 etc=|040755 etc/deep=|0100644 etc/deep/a=12345|040755 folder=|0100644 ks.cfg=text\n"
		if s := joinLines(got); s != want {
			t.Errorf("got %q\nwant %q", s, want)
		}
	}
}

func joinLines(s []string) string {
	var b bytes.Buffer
	for i, x := range s {
		if i > 0 {
			b.WriteByte('|')
		}
		b.WriteString(x)
	}
	return b.String()
}

// cpio(1) reads the archive as well as the library does.
func TestWithFilesCpio(t *testing.T) {
	tool := hosttool.Find(t, "cpio", "cpio")
	dir := t.TempDir()
	cmd := exec.Command(tool, "-id", "--quiet", "--no-absolute-filenames")
	cmd.Dir = dir
	cmd.Stdin = bytes.NewReader(appended(t, nil))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cpio: %v\n%s", err, out)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "etc", "deep", "a")); err != nil || string(b) != "12345" {
		t.Errorf("%q, %v", b, err)
	}
}

// A compressed initrd stays readable in front of the archive.
func TestWithFilesCompressed(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write([]byte("an initrd"))
	w.Close()
	r, err := gzip.NewReader(bytes.NewReader(appended(t, z.Bytes())))
	if err != nil {
		t.Fatal(err)
	}
	r.Multistream(false)
	if b, err := io.ReadAll(r); err != nil || string(b) != "an initrd" {
		t.Errorf("%q, %v", b, err)
	}
}

// An initrd that is not as long as it was listed makes no initrd.
func TestWithFilesChanged(t *testing.T) {
	for _, contents := range []string{"short", "much longer"} {
		initrd := tree.Bytes("initrd.img", []byte(contents))
		initrd.SizeBytes = 8
		f, err := boot.WithFiles(initrd, []tree.File{tree.Bytes("ks.cfg", []byte("text\n"))}, testTime)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Copy(io.Discard, f); err == nil {
			t.Errorf("%q for 8 bytes was taken", contents)
		}
	}
}
