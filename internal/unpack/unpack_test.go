package unpack

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"

	"github.com/imgasm/imgasm/internal/hosttool"
)

// Whatever the real xz makes without a filter comes back.
func TestUnxz(t *testing.T) {
	tool := hosttool.Find(t, "xz", "xz-utils")
	want := bytes.Repeat([]byte("kernel "), 30_000)
	for _, options := range []string{"", "-0", "-9", "--threads=2 --block-size=16384", "--check=crc32 --lzma2=dict=1MiB", "--check=sha256"} {
		for _, plain := range [][]byte{want, nil} {
			cmd := exec.Command(tool, append(strings.Fields(options), "-c")...)
			cmd.Stdin = bytes.NewReader(plain)
			packed, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			r, err := unxz(bufio.NewReader(bytes.NewReader(packed)))
			if err != nil {
				t.Errorf("%q: %v", options, err)
				continue
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%q: %d bytes of %d, %v", options, len(got), len(plain), err)
			}
		}
	}
}

// A stranger's stream gets no gigabytes, and a broken header is none.
func TestUnxzRefuses(t *testing.T) {
	var packed bytes.Buffer
	w, err := xz.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("kernel"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	good := packed.Bytes()
	const block = 12
	change := func(do func(header []byte)) []byte {
		b := bytes.Clone(good)
		end := block + 4*int(b[block])
		do(b[block:end])
		binary.LittleEndian.PutUint32(b[end:], crc32.ChecksumIEEE(b[block:end]))
		return b
	}
	at := bytes.Index(good[block:], []byte{0x21, 1})
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"4 GiB":          {change(func(h []byte) { h[at+2] = 40 }), "dictionary of 4096 MiB, at most 64"},
		"96 MiB":         {change(func(h []byte) { h[at+2] = 29 }), "dictionary of 96 MiB"},
		"no such size":   {change(func(h []byte) { h[at+2] = 41 }), "header is damaged"},
		"a filter":       {change(func(h []byte) { h[at] = 4 }), "header is damaged"},
		"two filters":    {change(func(h []byte) { h[1] = 1 }), "header is damaged"},
		"cut":            {good[:block+3], "header is damaged"},
		"cut before it":  {good[:block], "unexpected EOF"},
		"nothing":        {nil, "unexpected EOF"},
		"another format": {append([]byte("no xz at all"), good[block:]...), "xz: "},
	} {
		if _, err := unxz(bufio.NewReader(bytes.NewReader(c.data))); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
