package firmware

// Makes firmware files for tests: nothing that boots, but with the marks by
// which real ones are known, at the real sizes.

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf16"
)

const (
	code4M, vars4M = 3653632, 540672
	code2M, vars2M = 1966080, 131072
)

// x86Code is an image that ends as every x86 firmware does.
func x86Code(size int) []byte {
	b := bytes.Repeat([]byte{0xff}, size)
	copy(b[0x28:], "_FVH")
	copy(b[size-20:], "VTF\x00")
	return b
}

// armCode is an unpadded virt image: a terse AArch64 module in the first MiB.
func armCode(size int) []byte {
	b := make([]byte, size)
	copy(b, []byte{0, 4, 0, 0x14})
	copy(b[7992:], []byte{'V', 'Z', 0x64, 0xaa})
	return b
}

type variable struct {
	name string
	data []byte
	dead bool // deleted
}

// varsImage is a variable store of the given size.
func varsImage(size int, vars ...variable) []byte {
	b := bytes.Repeat([]byte{0xff}, size)
	clear(b[:0x64])
	copy(b[0x10:], nvDataGUID)
	binary.LittleEndian.PutUint64(b[0x20:], uint64(size))
	copy(b[0x28:], "_FVH")
	binary.LittleEndian.PutUint16(b[0x30:], 0x48)
	copy(b[0x48:], authVarGUID)
	binary.LittleEndian.PutUint32(b[0x58:], uint32(size/2))
	at := 0x64
	for _, v := range vars {
		var name []byte
		for _, u := range append(utf16.Encode([]rune(v.name)), 0) {
			name = binary.LittleEndian.AppendUint16(name, u)
		}
		h := make([]byte, 60)
		binary.LittleEndian.PutUint16(h, 0x55aa)
		h[2] = 0x3f
		if v.dead {
			h[2] = 0x3c
		}
		binary.LittleEndian.PutUint32(h[36:], uint32(len(name)))
		binary.LittleEndian.PutUint32(h[40:], uint32(len(v.data)))
		at += copy(b[at:], append(append(h, name...), v.data...))
		at = (at + 3) &^ 3
	}
	return b
}

var someKeys = []variable{{name: "CustomMode", data: []byte{0}}, {name: "KEK", data: []byte("k")}, {name: "PK", data: []byte("p")}}

// tree writes files, by absolute path, under a new root.
func tree(t *testing.T, files map[string][]byte) string {
	t.Helper()
	root := t.TempDir()
	for name, b := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// macOS: the temporary folder itself lies behind a link.
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	return real
}

// describe makes a descriptor.
func describe(t *testing.T, arch, machine, code, vars string, features ...string) []byte {
	t.Helper()
	if features == nil {
		features = []string{}
	}
	b, err := json.Marshal(map[string]any{
		"description":     "test",
		"interface-types": []string{"uefi"},
		"mapping": map[string]any{
			"device":         "flash",
			"executable":     map[string]string{"filename": code, "format": "raw"},
			"nvram-template": map[string]string{"filename": vars, "format": "raw"},
		},
		"targets":  []any{map[string]any{"architecture": arch, "machines": []string{machine}}},
		"features": features,
		"tags":     []string{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}
