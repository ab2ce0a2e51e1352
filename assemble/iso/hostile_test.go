package iso

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/tree"
)

// honest is a small image with every feature, as bytes, and where its parts lie.
func honest(t testing.TB) ([]byte, *layout) {
	t.Helper()
	files := []tree.File{
		tree.Bytes("file", []byte("contents")),
		tree.Bytes("sub/inner", []byte("inner")),
		tree.Bytes("sub/deeper/x", []byte("x")),
		tree.Bytes(strings.Repeat("long", 50), []byte("its name goes on elsewhere")),
		tree.Bytes("extents", noise(5*sectorSize, 1)),
	}
	l, err := newLayout(build(t, files), testTime, true)
	if err != nil {
		t.Fatal(err)
	}
	l.maxExtent = 2 * sectorSize
	l.place()
	var b bytes.Buffer
	if err := l.write(&b, "HONEST"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), l
}

// recordAt finds the record of a name in the root directory.
func recordAt(t testing.TB, image []byte, l *layout, name string) []byte {
	t.Helper()
	at := bytes.Index(image[l.dirs[0].extent*sectorSize:], []byte("NM"+string(byte(5+len(name)))+"\x01\x00"+name))
	if at < 0 {
		t.Fatal("no record of", name)
	}
	at += int(l.dirs[0].extent * sectorSize)
	// The record begins with its length; its identifier ends before PX.
	for start := at; start > at-200; start-- {
		if n := int(image[start]); n > 33 && start+n > at && start+n <= len(image) && bytes.HasPrefix(image[start+28:], []byte{1, 0, 0, 1}) {
			return image[start : start+n]
		}
	}
	t.Fatal("no start of the record of", name)
	return nil
}

// walkAll reads all there is, of the first thousand entries: a few directories
// can be a tree of any size.
func walkAll(m *Image) error {
	left := 1000
	return fs.WalkDir(m, ".", func(name string, d fs.DirEntry, err error) error {
		if left--; err != nil || left < 0 {
			return cmp.Or(err, fs.SkipAll)
		}
		info, err := d.Info()
		if err == nil && info.Mode().IsRegular() && info.Size() < 1<<20 {
			_, err = fs.ReadFile(m, name)
		}
		return err
	})
}

// Every one of these is refused, with a word about what is wrong.
func TestHostile(t *testing.T) {
	le := binary.LittleEndian
	root := func(b []byte) []byte { return b[16*sectorSize+156:] }
	for _, c := range []struct {
		name   string
		change func(t *testing.T, b []byte, l *layout)
		want   string
	}{
		{"block size", func(_ *testing.T, b []byte, _ *layout) { le.PutUint16(b[16*sectorSize+128:], 512) }, "blocks of 512 bytes"},
		{"root past the end", func(_ *testing.T, b []byte, _ *layout) { le.PutUint32(root(b)[2:], 0xffffffff) }, "of an image of"},
		{"root is a file", func(_ *testing.T, b []byte, _ *layout) { root(b)[25] = 0 }, "root is not a directory"},
		{"root without end", func(_ *testing.T, b []byte, _ *layout) { le.PutUint32(root(b)[10:], 0xffffffff) }, "of an image of"},
		{"volume without end", func(_ *testing.T, b []byte, _ *layout) { le.PutUint32(b[16*sectorSize+80:], 0xffffffff) }, "truncated"},
		{"no primary descriptor", func(_ *testing.T, b []byte, _ *layout) { b[16*sectorSize] = 3 }, "no primary volume descriptor"},
		{"descriptors without end", func(_ *testing.T, b []byte, _ *layout) {
			for i := 17; (i+1)*sectorSize <= len(b); i++ {
				copy(b[i*sectorSize:], "\x02CD001\x01")
			}
		}, "volume descriptors"},
		{"file past the end", func(t *testing.T, b []byte, l *layout) { le.PutUint32(recordAt(t, b, l, "file")[2:], 1<<30) }, "of an image of"},
		{"file too long", func(t *testing.T, b []byte, l *layout) { le.PutUint32(recordAt(t, b, l, "file")[10:], 1<<31) }, "of an image of"},
		{"folder in itself", func(t *testing.T, b []byte, l *layout) {
			le.PutUint32(recordAt(t, b, l, "sub")[2:], uint32(l.dirs[0].extent))
			le.PutUint32(recordAt(t, b, l, "sub")[10:], uint32(l.dirs[0].size))
		}, "two paths"},
		{"record longer than its directory", func(_ *testing.T, b []byte, _ *layout) { le.PutUint32(root(b)[10:], 50) }, "crosses its sector"},
		{"record without a name", func(t *testing.T, b []byte, l *layout) { recordAt(t, b, l, "file")[32] = 0 }, "with a name of 0"},
		{"name longer than its record", func(t *testing.T, b []byte, l *layout) { recordAt(t, b, l, "file")[32] = 255 }, "with a name of 255"},
		{"interleaved file", func(t *testing.T, b []byte, l *layout) { recordAt(t, b, l, "file")[26] = 1 }, "interleaved"},
		{"slash in a name", func(t *testing.T, b []byte, l *layout) { rename(recordAt(t, b, l, "file"), "file", "fi/e") }, `called "fi/e"`},
		{"dots for a name", func(t *testing.T, b []byte, l *layout) {
			rename(recordAt(t, b, l, "sub"), "NM\x08\x01\x00sub", "NM\x07\x01\x00..")
		}, `called ".."`},
		{"a name twice", func(t *testing.T, b []byte, l *layout) {
			rename(recordAt(t, b, l, "file"), "NM\x09\x01\x00file", "NM\x08\x01\x00sub\x00")
		}, "two entries called"},
		{"extents that do not end", func(t *testing.T, b []byte, l *layout) { recordAt(t, b, l, "file")[25] |= 0x80 }, "should go on in another extent"},
		{"extents that overlap", func(t *testing.T, b []byte, l *layout) {
			overlap(recordAt(t, b, l, "extents"), b, l)
		}, "two extents that overlap"},
		{"continuation past the end", func(_ *testing.T, b []byte, l *layout) { le.PutUint32(continuation(b, l)[4:], 1<<30) }, "goes on at byte"},
		{"continuation without end", func(_ *testing.T, b []byte, l *layout) { le.PutUint32(continuation(b, l)[20:], 1<<30) }, "goes on at byte"},
		{"continuation of itself", func(_ *testing.T, b []byte, l *layout) {
			// The area that the name continues in is replaced by the CE that leads there.
			ce := append([]byte{}, continuation(b, l)[:28]...)
			at := int(le.Uint32(ce[4:]))*sectorSize + int(le.Uint32(ce[12:]))
			copy(b[at:], ce)
		}, "goes on more than 32 times"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, l := honest(t)
			m, err := NewImage(bytes.NewReader(b), int64(len(b)), "honest.iso")
			if err != nil {
				t.Fatal(err)
			}
			if err := walkAll(m); err != nil {
				t.Fatal(err)
			}
			c.change(t, b, l)
			if m, err = NewImage(bytes.NewReader(b), int64(len(b)), "hostile.iso"); err == nil {
				err = walkAll(m)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNotISO) && !errors.Is(err, ErrTruncated) {
				t.Errorf("%v is of no known kind", err)
			}
		})
	}
}

// overlap makes the second extent of the file "extents" begin in its first.
func overlap(first, b []byte, l *layout) {
	le := binary.LittleEndian
	at := l.dirs[0].extent * sectorSize
	second := bytes.Index(b[at:], first) + len(first)
	le.PutUint32(b[int(at)+second+2:], le.Uint32(first[2:])+1)
}

// However few bytes an image has, what is taken out of it is not more. Two
// names for the same sectors are fine by themselves: hard links are that.
func TestTakenOut(t *testing.T) {
	b, l := honest(t)
	inner := recordAt(t, b, l, "file")
	extents := recordAt(t, b, l, "extents")
	copy(inner[2:18], extents[2:18]) // place and length
	m, err := NewImage(bytes.NewReader(b), int64(len(b)), "shared.iso")
	if err != nil {
		t.Fatal(err)
	}
	if err := walkAll(m); err != nil {
		t.Errorf("hard links are refused: %v", err)
	}
	taken := int64(0)
	for range 10_000 {
		f, err := m.File("x", "file")
		if err != nil {
			if !errors.Is(err, ErrCorrupt) || taken+f.SizeBytes > int64(len(b)) {
				t.Errorf("%v after %d bytes", err, taken)
			}
			return
		}
		if taken += f.SizeBytes; taken > int64(len(b)) {
			t.Fatalf("%d bytes out of an image of %d", taken, len(b))
		}
	}
	t.Error("no end")
}

// Nothing is read after the context's end: not by a copy in the middle, and
// what cannot be looked for is not called missing.
func TestContext(t *testing.T) {
	var b bytes.Buffer
	files := []tree.File{tree.Bytes("images/pxeboot/vmlinuz", noise(3*copyPiece, 1)), tree.Bytes("images/pxeboot/initrd.img", []byte("x"))}
	if err := WriteInstallerTree(&b, "AlmaLinux-10-1-x86_64-dvd", files, testTime); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.iso")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	reason := errors.New("stopped by a test")
	for name, to := range map[string]io.Writer{"memory": io.Discard, "file": create(t)} {
		ctx, cancel := context.WithCancelCause(t.Context())
		m, err := Open(ctx, path)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		f, err := m.File("x", "images/pxeboot/vmlinuz")
		if err != nil {
			t.Fatal(err)
		}
		m.Piece = func(n int64) error {
			if n > 0 {
				cancel(reason)
			}
			return nil
		}
		if err := tree.Copy(to, f); !errors.Is(err, reason) {
			t.Errorf("to a %s: %v", name, err)
		}
		if _, err := m.Installer(); !errors.Is(err, reason) {
			t.Errorf("Installer: %v", err)
		}
		if _, err := Open(ctx, path); !errors.Is(err, reason) {
			t.Errorf("Open: %v", err)
		}
	}
}

func create(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func rename(record []byte, old, name string) {
	copy(record[bytes.Index(record, []byte(old)):], name)
}

// continuation is the CE entry of the long name.
func continuation(b []byte, l *layout) []byte {
	dir := b[l.dirs[0].extent*sectorSize:]
	return dir[bytes.LastIndex(dir[:l.dirs[0].size], []byte("CE\x1c\x01")):]
}

// Cut at any sector, an image is refused as truncated, with both sizes.
func TestTruncated(t *testing.T) {
	b, l := honest(t)
	for n := 0; n < len(b); n += sectorSize {
		_, err := NewImage(bytes.NewReader(b[:n]), int64(n), "cut.iso")
		if n < 17*sectorSize {
			if !errors.Is(err, ErrNotISO) {
				t.Errorf("%d bytes: %v", n, err)
			}
			continue
		}
		if !errors.Is(err, ErrTruncated) || !strings.Contains(err.Error(), fmt.Sprintf("has %d bytes, but its volume \"HONEST\" has %d", n, l.end*sectorSize)) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// What people take for an ISO by mistake.
func TestNotISO(t *testing.T) {
	for magic, want := range map[string]string{
		"QFI\xfb": "qcow2", "\x1f\x8b": "gzip", "\xfd7zXZ\x00": "xz", "PK\x03\x04": "zip", "<!DOCTYPE html>": "HTML", "": "no volume descriptor",
	} {
		b := make([]byte, 40*sectorSize)
		copy(b, magic)
		_, err := NewImage(bytes.NewReader(b), int64(len(b)), "x.iso")
		if !errors.Is(err, ErrNotISO) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", magic, err)
		}
	}
	if _, err := Open(t.Context(), t.TempDir()); !errors.Is(err, ErrNotISO) {
		t.Errorf("a folder: %v", err)
	}
}

// shifted reads as an image whose empty system area is left out.
type shifted struct{ b []byte }

func (s shifted) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	if off -= systemArea * sectorSize; off < int64(len(s.b)) {
		if off < 0 {
			return len(p), nil
		}
		copy(p, s.b[off:])
	}
	return len(p), nil
}

// Whatever the bytes: no panic, no endless walk.
func FuzzImage(f *testing.F) {
	b, l := honest(f)
	used := (l.files[len(l.files)-1].extent + 8) * sectorSize
	f.Add(b[systemArea*sectorSize : used])
	var plain bytes.Buffer
	if err := WriteOEMDRV(&plain, []tree.File{tree.Bytes("ks.cfg", []byte("text"))}, testTime); err != nil {
		f.Fatal(err)
	}
	f.Add(plain.Bytes()[systemArea*sectorSize : 24*sectorSize])
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := NewImage(shifted{b}, int64(len(b))+400*sectorSize, "fuzz.iso")
		if err != nil {
			return
		}
		walkAll(m)
		m.Installer()
		m.Open("sub/deeper/x")
	})
}
