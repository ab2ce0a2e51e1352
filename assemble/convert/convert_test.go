package convert_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// run runs a program of the host and returns what it prints.
func run(t testing.TB, debianPackage, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(hosttool.Find(t, name, debianPackage), args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v: %s%s", name, args, err, out, errs.Bytes())
	}
	return string(out)
}

// same has qemu-img compare an image with a raw disk.
func same(t *testing.T, raw, format, image string) {
	t.Helper()
	run(t, "qemu-utils", "qemu-img", "compare", "-q", "-f", "raw", "-F", format, raw, image)
}

// unpacked compares what a program prints with a raw disk, and zeros behind it. It
// returns what the program says.
func unpacked(t *testing.T, raw string, multiple int64, name string, args ...string) string {
	t.Helper()
	f, err := os.Open(raw)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	size := info.Size()
	if multiple > 1 { // where a size is rounded up, no disk is empty
		size = (max(1, size) + multiple - 1) / multiple * multiple
	}
	cmd := exec.Command(hosttool.Find(t, name, name), args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	want := io.LimitReader(io.MultiReader(f, zeros{}), size)
	a, b := make([]byte, 1<<20), make([]byte, 1<<20)
	for at := int64(0); ; {
		n, errGot := io.ReadFull(out, a)
		m, _ := io.ReadFull(want, b)
		if !bytes.Equal(a[:n], b[:m]) {
			t.Fatalf("%s %q: other bytes between %d and %d", name, args, at, at+int64(max(n, m)))
		}
		if at += int64(n); errGot != nil {
			break
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s %q: %v: %s", name, args, err, &said)
	}
	return said.String()
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// judges say by programs that we did not write whether a file is the raw disk in
// a format.
var judges = map[string]func(t *testing.T, raw, path string){
	"qcow2": func(t *testing.T, raw, path string) {
		run(t, "qemu-utils", "qemu-img", "check", "-q", "-f", "qcow2", path)
		same(t, raw, "qcow2", path)
	},
	"raw":     func(t *testing.T, raw, path string) { unpacked(t, raw, 1, "cat", path) },
	"raw.zst": func(t *testing.T, raw, path string) { unpacked(t, raw, 1, "zstd", "-dc", path) },
	"raw.gz":  func(t *testing.T, raw, path string) { unpacked(t, raw, 1, "gzip", "-dc", path) },
	"vmdk":    judgeVMDK,
	"vhd": func(t *testing.T, raw, path string) {
		same(t, raw, "vpc", path)
		size := sizeOf(t, path) - 512
		if out := run(t, "libvhdi-utils", "vhdiinfo", path); size%(1<<20) != 0 || !strings.Contains(out, "Fixed") || !strings.Contains(out, fmt.Sprintf("(%d bytes)", size)) {
			t.Errorf("a disk of %d bytes; vhdiinfo:\n%s", size, out)
		}
		if got := virtualSize(t, "vpc", path); got != size {
			t.Errorf("QEMU sees %d bytes, want %d", got, size)
		}
	},
	"gce": func(t *testing.T, raw, path string) {
		list := strings.Fields(unpacked(t, raw, 1<<30, "tar", "--numeric-owner", "-xvvOzf", path))
		if len(list) != 6 || list[5] != "disk.raw" || list[1] != "0/0" {
			t.Errorf("tar -xvv: %q", list)
		}
		if head := run(t, "bash", "bash", "-c", `gzip -dc "$0" 2>/dev/null | head -c 265 | tail -c 8`, path); head != "ustar  \x00" {
			t.Errorf("the archive is not in GNU's old form: %q", head)
		}
	},
	"ova": func(t *testing.T, raw, path string) {
		dir := t.TempDir()
		if list := run(t, "tar", "tar", "-tf", path); list != "machine.ovf\nmachine.mf\ndisk.vmdk\n" {
			t.Errorf("tar -t: %q", list)
		}
		run(t, "tar", "tar", "-xf", path, "-C", dir)
		// "SHA256(NAME)= HASH", as openssl writes it: shasum's form is with spaces.
		mf := strings.NewReplacer("SHA256(", "SHA256 (", ")=", ") =").Replace(read(t, filepath.Join(dir, "machine.mf")))
		if err := os.WriteFile(filepath.Join(dir, "sums"), []byte(mf), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, "bash", "bash", "-c", `cd "$0" && sha256sum -c --strict sums`, dir)
		judgeVMDK(t, raw, filepath.Join(dir, "disk.vmdk"))
	},
	"containerdisk": func(t *testing.T, raw, path string) {
		dir := t.TempDir()
		var seen struct {
			Architecture, Os string
			Layers           []string
		}
		if err := json.Unmarshal([]byte(run(t, "skopeo", "skopeo", "inspect", "oci-archive:"+path)), &seen); err != nil {
			t.Fatal(err)
		}
		if seen.Architecture != "arm64" || seen.Os != "linux" || len(seen.Layers) != 1 {
			t.Errorf("skopeo inspect: %+v", seen)
		}
		run(t, "skopeo", "skopeo", "--insecure-policy", "copy", "-q", "oci-archive:"+path, "dir:"+dir) // it compares hashes
		layer := filepath.Join(dir, strings.TrimPrefix(seen.Layers[0], "sha256:"))
		list := run(t, "tar", "tar", "--numeric-owner", "-tvf", layer)
		if lines := strings.Split(list, "\n"); len(lines) != 3 || !strings.HasPrefix(lines[0], "drwxr-xr-x 107/107 ") || !strings.HasPrefix(lines[1], "-r--r----- 107/107 ") {
			t.Errorf("tar -tv of the layer:\n%s", list)
		}
		run(t, "tar", "tar", "-xf", layer, "-C", dir, "--no-same-owner")
		same(t, raw, "qcow2", filepath.Join(dir, "disk/disk.qcow2"))
	},
	"vagrant": func(t *testing.T, raw, path string) {
		dir := t.TempDir()
		run(t, "libarchive-tools", "bsdtar", "-xf", path, "-C", dir) // as Vagrant does
		var meta struct {
			Provider, Format, Architecture string
			VirtualSize                    int64 `json:"virtual_size"`
		}
		if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, "metadata.json"))), &meta); err != nil {
			t.Fatal(err)
		}
		want := (sizeOf(t, raw) + 1<<30 - 1) >> 30
		if meta.Provider != "libvirt" || meta.Format != "qcow2" || meta.Architecture != "arm64" || meta.VirtualSize != want {
			t.Errorf("metadata.json: %+v, want %d GiB", meta, want)
		}
		if text := read(t, filepath.Join(dir, "Vagrantfile")); !strings.HasPrefix(text, `Vagrant.configure("2")`) {
			t.Errorf("Vagrantfile: %s", text)
		}
		same(t, raw, "qcow2", filepath.Join(dir, "box.img"))
	},
}

func judgeVMDK(t *testing.T, raw, path string) {
	t.Helper()
	run(t, "qemu-utils", "qemu-img", "check", "-q", "-f", "vmdk", path)
	same(t, raw, "vmdk", path)
	if out := run(t, "libvmdk-utils", "vmdkinfo", path); !strings.Contains(out, "Stream optimized") {
		t.Errorf("vmdkinfo:\n%s", out)
	}
}

func virtualSize(t *testing.T, format, path string) int64 {
	t.Helper()
	var info struct {
		Size int64 `json:"virtual-size"`
	}
	if err := json.Unmarshal([]byte(run(t, "qemu-utils", "qemu-img", "info", "--output=json", "-f", format, path)), &info); err != nil {
		t.Fatal(err)
	}
	return info.Size
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// random fills b with what does not compress.
func random(b []byte, seed byte) { rand.NewChaCha8([32]byte{seed}).Read(b) }

// text fills b with what does.
func text(b []byte, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	words := strings.Fields("grain table offset header sector the of a disk marker footer size is with no")
	for len(b) > 0 {
		b = b[copy(b, words[r.IntN(len(words))]+" "):]
	}
}

// mixed has text, random bytes and zeros in pieces that end anywhere.
func mixed(b []byte, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	for len(b) > 0 {
		n := min(len(b), 1+r.IntN(200<<10))
		switch r.IntN(3) {
		case 0:
			text(b[:n], seed)
		case 1:
			random(b[:n], byte(n))
		}
		b = b[n:]
	}
}

// rawDisk makes a raw disk with b at its beginning and end, and returns its path.
func rawDisk(t testing.TB, size int64, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk.raw")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{0, size - int64(len(b))} {
		if _, err := f.WriteAt(b, at); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func open(t testing.TB, path string) *convert.Disk {
	t.Helper()
	d, err := convert.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// write writes a disk without waiting for it to be on disk.
func write(t testing.TB, path string, src qcow2.Source, o convert.Options) error {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return convert.Write(t.Context(), f, src, o)
}

func matrix(t *testing.T, format, raw string, o convert.Options) {
	t.Helper()
	o.Format, o.Arch = format, "aarch64"
	path := filepath.Join(t.TempDir(), "out")
	if err := write(t, path, open(t, raw), o); err != nil {
		t.Fatal(err)
	}
	judges[format](t, raw, path)
}

// Odd sizes, and contents of all kinds.
func TestMatrix(t *testing.T) {
	const grain, block = 64 << 10, 1 << 20
	sizes := []int64{0, 512, grain - 512, grain, grain + 512, 3*block + 100*512}
	for _, f := range convert.Formats() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			if judges[f.Name] == nil {
				t.Fatal("nobody judges this format")
			}
			sizes := sizes
			if f.Multiple == 1<<30 && !hosttool.All() {
				sizes = sizes[len(sizes)-1:] // each is a GiB
			}
			for _, size := range sizes {
				b := make([]byte, size)
				mixed(b, uint64(size))
				t.Run(fmt.Sprint(size), func(t *testing.T) { matrix(t, f.Name, rawDisk(t, size, b), convert.Options{}) })
			}
		})
	}
}

func TestContents(t *testing.T) {
	for _, f := range convert.Formats() {
		if f.Multiple == 1<<30 && !hosttool.All() {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			b := make([]byte, 2<<20+5*512)
			for name, fill := range map[string]func([]byte, uint64){
				"zero": func([]byte, uint64) {}, "random": func(b []byte, n uint64) { random(b, byte(n)) }, "text": text,
			} {
				clear(b)
				fill(b, 5)
				t.Run(name, func(t *testing.T) { matrix(t, f.Name, rawDisk(t, int64(len(b)), b), convert.Options{}) })
			}
		})
	}
}

// A disk of more than 2 GiB, nearly all of it a hole: nobody reads that.
func TestLarge(t *testing.T) {
	b := make([]byte, 3<<20)
	mixed(b, 9)
	raw := rawDisk(t, 2<<30+3*512, b)
	for _, f := range convert.Formats() {
		if unpacks := f.Name == "gce" || strings.HasPrefix(f.Name, "raw"); hosttool.All() || !unpacks {
			t.Run(f.Name, func(t *testing.T) { matrix(t, f.Name, raw, convert.Options{}) })
		}
	}
}

// Each compression, and another size of clusters.
func TestCompressions(t *testing.T) {
	b := make([]byte, 1<<20)
	mixed(b, 11)
	raw := rawDisk(t, 4<<20, b)
	for _, f := range convert.Formats() {
		for _, c := range f.Compressions {
			t.Run(f.Name+" "+string(c), func(t *testing.T) {
				matrix(t, f.Name, raw, convert.Options{Compression: c, ClusterSize: 128 << 10})
			})
		}
	}
}

// Bytes depend on the disk and the options alone.
func TestSameBytes(t *testing.T) {
	b := make([]byte, 5<<20+512)
	mixed(b[:2<<20], 3)
	mixed(b[4<<20:], 4)
	path := filepath.Join(t.TempDir(), "disk.raw")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(b); at += 4096 {
		if block := b[at:min(at+4096, len(b))]; !bytes.Equal(block, make([]byte, len(block))) {
			if _, err := f.WriteAt(block, int64(at)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(f.Truncate(int64(len(b))), f.Close()); err != nil {
		t.Fatal(err)
	}
	for _, format := range convert.Formats() {
		if format.Name == "gce" && !hosttool.All() {
			continue
		}
		var first string
		for _, workers := range []int{1, 2, 5} {
			for name, src := range map[string]qcow2.Source{"memory": bytes.NewReader(b), "sparse file": open(t, path)} {
				out := filepath.Join(t.TempDir(), "out")
				if err := write(t, out, src, convert.Options{Format: format.Name, Arch: "x86_64", Name: "alma", Time: time.Unix(1e9, 0), Workers: workers}); err != nil {
					t.Fatal(err)
				}
				if text := read(t, out); first == "" {
					first = text
				} else if text != first {
					t.Errorf("%s, %d workers, %s: other bytes", format.Name, workers, name)
				}
			}
		}
	}
}

func TestProgress(t *testing.T) {
	for _, f := range convert.Formats() {
		if f.Name == "gce" {
			continue
		}
		last, total := int64(-1), f.Multiple
		for total < 3<<20 {
			total += f.Multiple
		}
		o := convert.Options{Format: f.Name, Arch: "x86_64", Progress: func(done, of int64) {
			if done < last || of != total {
				t.Errorf("%s: %d of %d after %d", f.Name, done, of, last)
			}
			last = done
		}}
		if err := write(t, filepath.Join(t.TempDir(), "out"), empty(total), o); err != nil || last != total {
			t.Errorf("%s: the last call said %d of %d (%v)", f.Name, last, total, err)
		}
	}
}

// Memory and time do not grow with holes: a disk of 1 TiB.
func TestSparse(t *testing.T) {
	b := make([]byte, 1<<20)
	mixed(b, 13)
	raw := rawDisk(t, 1<<40, b)
	for format, limit := range map[string]time.Duration{"vmdk": 5 * time.Second, "qcow2": 5 * time.Second, "raw.gz": time.Minute} {
		if format == "raw.gz" && !hosttool.All() { // writes a GiB of zeros, compressed
			continue
		}
		began := time.Now()
		if err := write(t, filepath.Join(t.TempDir(), "out"), open(t, raw), convert.Options{Format: format}); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > limit {
			t.Errorf("%s took %v", format, took)
		}
	}
}

// What has begun can be stopped, and leaves nothing.
func TestInterrupted(t *testing.T) {
	b := make([]byte, 8<<20)
	random(b, 1)
	stop := errors.New("stop")
	for _, f := range convert.Formats() {
		dir := t.TempDir()
		ctx, cancel := context.WithCancelCause(t.Context())
		src := &stopping{Reader: bytes.NewReader(b), stop: func() { cancel(stop) }}
		err := convert.Create(ctx, filepath.Join(dir, "out"+f.Endings[0]), src, convert.Options{Arch: "x86_64"})
		if !errors.Is(err, stop) {
			t.Errorf("%s: %v", f.Name, err)
		}
		if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
			t.Errorf("%s: %v is left (%v)", f.Name, left, err)
		}
	}
}

// stopping calls stop when its second half is read.
type stopping struct {
	*bytes.Reader
	stop func()
}

func (s *stopping) ReadAt(b []byte, off int64) (int, error) {
	if off > s.Size()/2 {
		s.stop()
	}
	return s.Reader.ReadAt(b, off)
}
