package nixglue_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/nixglue"
)

func TestFindImage(t *testing.T) {
	const products = "nix-support/hydra-build-products"
	for name, c := range map[string]struct {
		files map[string]string // "-> x" is a link to x; OUT stands for the output
		want  string            // of the output; "": none
		kind  string
		says  string
	}{
		"products":              {files: map[string]string{"nixos.qcow2": "", "other.img": "", products: "file qcow2-image OUT/nixos.qcow2\n"}, want: "nixos.qcow2", kind: "qcow2-image"},
		"of another name":       {files: map[string]string{"nixos-image-efi-qcow2-26.11.qcow2": "", products: "report x OUT/log\nfile qcow2-image \"OUT/nixos-image-efi-qcow2-26.11.qcow2\""}, want: "nixos-image-efi-qcow2-26.11.qcow2", kind: "qcow2-image"},
		"twice the same":        {files: map[string]string{"a.img": "", products: "file raw-image OUT/a.img\nfile raw-image OUT/a.img\n"}, want: "a.img", kind: "raw-image"},
		"products of a log":     {files: map[string]string{"a.img": "", "log": "", products: "file log OUT/log\n"}, want: "a.img"},
		"no products":           {files: map[string]string{"disk.raw": "", "README": ""}, want: "disk.raw"},
		"damaged products":      {files: map[string]string{"disk.raw": "", products: "\x00file\nfile \"\nfile x-image"}, want: "disk.raw"},
		"none":                  {files: map[string]string{"README": ""}, says: "has no disk image"},
		"two":                   {files: map[string]string{"a.img": "", "b.qcow2": ""}, says: "has 2 disk images"},
		"two products":          {files: map[string]string{"a.img": "", "b.img": "", products: "file raw-image OUT/a.img\nfile raw-image OUT/b.img\n"}, says: "has 2 disk images"},
		"absent":                {files: map[string]string{products: "file raw-image OUT/a.img\n"}, says: "a.img"},
		"a folder":              {files: map[string]string{"a.img/x": ""}, says: "not a regular file"},
		"link in the store":     {files: map[string]string{"../hash-b/disk": "", "a.img": "-> ../hash-b/disk"}, want: "a.img"},
		"link out of the store": {files: map[string]string{"../../secret": "", "a.img": "-> ../../secret"}, says: "not in the store"},
		"somebody's file":       {files: map[string]string{"../../secret": "", products: "file raw-image OUT/../../secret\n"}, says: "not in the store"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "store", "hash-a")
			for path, text := range c.files {
				path = filepath.Join(out, path)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if to, ok := strings.CutPrefix(text, "-> "); ok {
					if err := os.Symlink(to, path); err != nil {
						t.Skip(err)
					}
				} else if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "OUT", out)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := nixglue.FindImage(t.Context(), out)
			if c.want == "" {
				if !errors.Is(err, nixglue.ErrImage) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%+v, %v", got, err)
				}
				return
			}
			if err != nil || got.Path != filepath.Join(out, c.want) || got.Type != c.kind {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestFindImageOfAFile(t *testing.T) {
	out := filepath.Join(t.TempDir(), "hash-disk.raw")
	if _, err := nixglue.FindImage(t.Context(), out); !errors.Is(err, nixglue.ErrImage) {
		t.Error(err)
	}
	empty := filepath.Join(t.TempDir(), "a b")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := nixglue.FindImage(t.Context(), empty); fault.Hint(err, nil) != "see what was built: ls -lR '"+empty+"'" {
		t.Errorf("%v, hint %q", err, fault.Hint(err, nil))
	}
	if err := os.WriteFile(out, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := nixglue.FindImage(t.Context(), out); err != nil || got.Path != out {
		t.Errorf("%+v, %v", got, err)
	}
	if runtime.GOOS == "linux" {
		if _, err := nixglue.FindImage(t.Context(), "/dev/null"); !errors.Is(err, nixglue.ErrImage) {
			t.Errorf("a device: %v", err)
		}
	}
}
