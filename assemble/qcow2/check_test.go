package qcow2_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// qemuCheck is what qemu-img check says.
type qemuCheck struct {
	Allocated  int64 `json:"allocated-clusters"`
	Compressed int64 `json:"compressed-clusters"`
	Clusters   int64 `json:"total-clusters"`
	Leaks      int64
	Corrupt    int64 `json:"corruptions"`
	Failed     int64 `json:"check-errors"`
}

func judgeCheck(t *testing.T, image string) (q qemuCheck, ok bool) {
	t.Helper()
	// Status 2 is corruption, 3 leaks.
	out, _ := exec.Command("qemu-img", "check", "-f", "qcow2", "--output", "json", image).Output()
	return q, json.Unmarshal(out, &q) == nil
}

func check(t *testing.T, b []byte) (qcow2.CheckResult, error) {
	t.Helper()
	return qcow2.Check(t.Context(), bytes.NewReader(b), int64(len(b)))
}

// checkImages are images of qemu-img with all that refers to clusters.
func checkImages(t *testing.T) []string {
	t.Helper()
	hosttool.Find(t, "qemu-img", "qemu-utils")
	hosttool.Find(t, "qemu-io", "qemu-utils")
	var all []string
	for i, o := range []string{"compat=0.10", "cluster_size=4k", "refcount_bits=1", "refcount_bits=4", "refcount_bits=64", "extended_l2=on", "cluster_size=512", "data_file=" + filepath.Join(t.TempDir(), "data")} {
		image := filepath.Join(t.TempDir(), fmt.Sprint(i, ".qcow2"))
		qemu(t, "qemu-img", "create", "-q", "-f", "qcow2", "-o", o, image, "9M")
		for _, w := range []string{"write 0 300k", "write 1M 64k", "write -z 3M 128k", "write 5M 1M"} {
			qemu(t, "qemu-io", "-f", "qcow2", "-c", w, image)
		}
		if i < 7 && o != "refcount_bits=1" { // which count no snapshot
			qemu(t, "qemu-img", "snapshot", "-c", "before", image)
			qemu(t, "qemu-io", "-f", "qcow2", "-c", "write 100k 200k", image)
			qemu(t, "qemu-img", "snapshot", "-c", "after", image)
		}
		all = append(all, image)
	}
	raw, packed := filepath.Join(t.TempDir(), "raw"), filepath.Join(t.TempDir(), "packed.qcow2")
	b := make([]byte, 5<<20)
	mixed(b, 3)
	if err := os.WriteFile(raw, b, 0o600); err != nil {
		t.Fatal(err)
	}
	qemu(t, "qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "cluster_size=8k", raw, packed)
	return append(all, packed)
}

// TestCheck: QEMU's images, whole and with bytes of their metadata changed, are
// judged as qemu-img judges them.
func TestCheck(t *testing.T) {
	*qcow2.CheckWindow = 100 // many passes
	t.Cleanup(func() { *qcow2.CheckWindow = 8 << 20 })
	rounds := 12
	if all() {
		rounds = 300
	}
	agreed := map[string]int{}
	for _, image := range checkImages(t) {
		whole, err := os.ReadFile(image)
		if err != nil {
			t.Fatal(err)
		}
		got, err := check(t, whole)
		want, ok := judgeCheck(t, image)
		if err != nil || !ok || got.Errors+got.Leaks > 0 || got.Allocated != want.Allocated || got.Compressed != want.Compressed || got.Clusters != want.Clusters {
			t.Errorf("%s: %+v, %v; qemu-img says %+v", image, got, err, want)
		}
		r := rand.New(rand.NewPCG(1, 2))
		bad := filepath.Join(t.TempDir(), "bad.qcow2")
		h, err := qcow2.ReadHeader(bytes.NewReader(whole), int64(len(whole)))
		if err != nil {
			t.Fatal(err)
		}
		for range rounds {
			b := bytes.Clone(whole)
			// The first clusters hold tables; a table's bytes count most.
			for n := 0; n < 1+r.IntN(2); {
				if i := int(h.ClusterSize) + r.IntN(min(len(b), int(8*h.ClusterSize))-int(h.ClusterSize)); b[i] != 0 {
					b[i] ^= 1 << r.IntN(8)
					n++
				}
			}
			if err := os.WriteFile(bad, b, 0o600); err != nil {
				t.Fatal(err)
			}
			want, ok := judgeCheck(t, bad)
			got, err := check(t, b)
			class := func(corrupt, leaks bool) string {
				switch {
				case corrupt:
					return "corrupt"
				case leaks:
					return "leaks"
				}
				return "clean"
			}
			theirs, ours := class(!ok || want.Corrupt+want.Failed > 0, want.Leaks > 0), class(err != nil || got.Errors > 0, got.Leaks > 0)
			if theirs != ours {
				out, _ := exec.Command("qemu-img", "check", "-f", "qcow2", bad).CombinedOutput()
				t.Errorf("%s: %s: %+v, %v; qemu-img: %s: %s", image, ours, got, err, theirs, out)
				break
			}
			agreed[ours]++
		}
	}
	t.Logf("as qemu-img: %v", agreed)
	if agreed["corrupt"] == 0 || agreed["leaks"] == 0 {
		t.Errorf("not all was tried: %v", agreed)
	}
}

func TestCheckOurs(t *testing.T) {
	b := make([]byte, 3<<20)
	mixed(b, 5)
	for _, c := range qcow2.Compressions() {
		image := write(t, bytes.NewReader(b), qcow2.Options{Compression: c, ClusterSize: 4 << 10})
		if got, err := check(t, image); err != nil || got.Errors+got.Leaks > 0 || got.Allocated == 0 || (got.Compressed > 0) != (c != qcow2.Uncompressed) {
			t.Errorf("%s: %+v, %v", c, got, err)
		}
	}
}

// A sparse file may claim any number of snapshots.
func TestCheckManySnapshots(t *testing.T) {
	image := write(t, bytes.NewReader(make([]byte, 1<<20)), qcow2.Options{})
	binary.BigEndian.PutUint32(image[60:], 1<<16+1)
	binary.BigEndian.PutUint64(image[64:], 1<<16)
	if _, err := check(t, append(image, make([]byte, 8<<20)...)); !errors.Is(err, qcow2.ErrDamaged) {
		t.Error(err)
	}
}
