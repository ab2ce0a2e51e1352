package firmware

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgasm/imgasm/internal/arch"
)

func FuzzDescriptor(f *testing.F) {
	f.Add([]byte(`{"interface-types":["uefi"],"mapping":{"device":"flash","executable":{"filename":"/c","format":"raw"},"nvram-template":{"filename":"/v"}},"targets":[{"architecture":"x86_64","machines":["pc-q35-*"]}],"features":["secure-boot"]}`))
	f.Add([]byte(`{"targets":[{"architecture":"aarch64","machines":["[","virt-*"]}],"interface-types":["uefi"],"mapping":{"device":"memory"}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parseDescriptor(b)
		if err != nil {
			return
		}
		for _, a := range arch.All() {
			if c, err := d.candidate(a, "x"); err == nil && c != nil && (c.code == "" || c.vars == "") {
				t.Fatalf("%+v", c)
			}
		}
	})
}

// FuzzImage looks into a file and copies it: no input may crash, hang or take memory.
func FuzzImage(f *testing.F) {
	small := varsImage(4096, someKeys...)
	f.Add(small)
	f.Add(x86Code(4096))
	f.Add(armCode(16384))
	// A whole qcow2 of version 3 with 512-byte clusters: header, L1 table,
	// refcount table, refcount block, L2 table, one cluster of data.
	q := make([]byte, 6*512)
	be := binary.BigEndian
	copy(q, qcow2Magic)
	be.PutUint32(q[4:], 3)
	be.PutUint32(q[20:], 9)
	be.PutUint64(q[24:], 16<<10)
	be.PutUint32(q[36:], 1)
	be.PutUint64(q[40:], 512)
	be.PutUint64(q[48:], 1024)
	be.PutUint32(q[56:], 1)
	be.PutUint32(q[96:], 4)
	be.PutUint32(q[100:], 104)
	be.PutUint64(q[512:], 1<<63|2048)
	be.PutUint64(q[1024:], 1536)
	be.PutUint64(q[2048:], 1<<63|2560)
	copy(q[2560:], "data")
	f.Add(q)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(dir, "x")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := inspectFile(path)
		if err != nil {
			return
		}
		if c.SizeBytes <= 0 || c.SizeBytes > maxFlash {
			t.Fatalf("size %d", c.SizeBytes)
		}
		if c.SizeBytes <= 1<<20 {
			_, _ = CopyRaw(c.File, filepath.Join(dir, "y"), 0)
		}
		for _, a := range arch.All() {
			_, _ = match(a, c, c, claims{})
		}
	})
}
