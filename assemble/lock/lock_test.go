package lock_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/lock"

	"github.com/imgasm/imgasm/internal/fault"
)

var (
	sumA = strings.Repeat("a", 64)
	sumB = strings.Repeat("b", 64)
)

func build() lock.Build {
	return lock.Build{
		Inputs: map[string]lock.Input{
			"iso": {Name: "x.iso", URL: "https://m/x.iso?a=1&b=2", SHA256: sumA, SizeBytes: 5,
				Signature: &lock.Signature{Fingerprint: "EE6D", UserID: "A <a@b>", Created: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}},
			"kickstart": {Name: "ks.cfg", SHA256: sumB},
		},
		Tools:    map[string]string{"imgasm": "0.1.0", "qemu": "10.0.2"},
		Settings: map[string]string{"arch": "x86_64"},
	}
}

func TestAddAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), lock.FileName)
	if _, err := lock.Read(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	for _, name := range []string{"alma-x86_64", "alma-aarch64", "alma-x86_64"} {
		text, err := lock.Add(path, name, build())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), "a=1&b=2") || !strings.HasSuffix(string(b), "}\n") {
		t.Errorf("%s", b)
	}
	l, err := lock.Read(path)
	if err != nil || len(l.Builds) != 2 {
		t.Fatalf("%+v, %v", l, err)
	}
	got, err := l.Build("alma-aarch64")
	if err != nil || len(lock.Compare(got, build())) != 0 || got.Inputs["iso"].Signature.UserID != "A <a@b>" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := l.Build("other"); !errors.Is(err, lock.ErrNoBuild) {
		t.Error(err)
	}
	again, err := lock.Format(l)
	if err != nil || string(again) != string(b) {
		t.Errorf("reading and writing changed it: %v\n%s", err, again)
	}
	if _, err := lock.Add(path, "bad", lock.Build{Inputs: map[string]lock.Input{"iso": {SHA256: "x"}}}); err == nil {
		t.Error("a build without a hash was added")
	}
}

func TestCompare(t *testing.T) {
	if d := lock.Compare(build(), build()); d != nil {
		t.Error(d)
	}
	mirror := build()
	mirror.Inputs["iso"] = lock.Input{Name: "y.iso", URL: "https://other/y.iso", SHA256: sumA}
	if d := lock.Compare(build(), mirror); d != nil {
		t.Errorf("the same ISO from another mirror: %v", d)
	}
	now := build()
	now.Inputs["iso"] = lock.Input{Name: "z.iso", SHA256: sumB}
	now.Inputs["post-1"] = lock.Input{SHA256: sumA}
	delete(now.Inputs, "kickstart")
	now.Tools["qemu"] = "10.1.0"
	now.Settings = map[string]string{"arch": "aarch64"}
	var got []string
	for _, d := range lock.Compare(build(), now) {
		got = append(got, d.String())
	}
	want := []string{
		"input iso: locked x.iso sha256:" + sumA + ", now z.iso sha256:" + sumB,
		"input kickstart: ks.cfg sha256:" + sumB + " in the lock, not there now",
		"input post-1: sha256:" + sumA + " now, not in the lock",
		"setting arch: locked x86_64, now aarch64",
		"tool qemu: locked 10.0.2, now 10.1.0",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	err := lock.Demand("imgasm.lock", "x", build(), now)
	if !errors.Is(err, lock.ErrMismatch) || err.Error() != "build x differs from imgasm.lock:\n  "+strings.Join(want, "\n  ") || !strings.Contains(fault.Hint(err, nil), "{Lock} ") {
		t.Error(err, fault.Hint(err, nil))
	}
	if err := lock.Demand("imgasm.lock", "x", now, now); err != nil {
		t.Error(err)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                            "not a lock",
		`{}`:                          "format 0",
		`{"imgasmLock":2,"new":1}`:    "format 2",
		`{"imgasmLock":1,"bilds":{}}`: "unknown field",
		`{"imgasmLock":1,"builds":{"a":{"inputs":{"iso":{"sha256":"12"}},"tools":{}}}}`: "build a, input iso",
	} {
		if _, err := lock.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	b, err := lock.Format(&lock.File{Builds: map[string]lock.Build{"x": build()}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"imgasmLock":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := lock.Parse(b)
		if err != nil {
			return
		}
		out, err := lock.Format(l)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := lock.Parse(out); err != nil {
			t.Fatalf("what was written can't be read: %v", err)
		} else if text, _ := lock.Format(again); string(text) != string(out) {
			t.Fatalf("not stable:\n%s\n%s", out, text)
		}
	})
}
