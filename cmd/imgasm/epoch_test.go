//go:build linux

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// SOURCE_DATE_EPOCH dates what every command makes; a value that is no date is
// refused, and nothing is made.
func TestSourceDateEpoch(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	fakeInstaller(t, path("dvd.iso"))
	if err := os.WriteFile(path("ks.cfg"), []byte("text\npoweroff\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := []string{"yesterday", "-1", "1e9", "1.5", "5874897600", "99999999999999999999"} // the fifth: the year 2156

	for name, args := range map[string][]string{
		"oemdrv": {"media", "oemdrv", path("ks.cfg")},
		"boot":   {"media", "boot", "--iso", path("dvd.iso"), "--kickstart", path("ks.cfg")},
		"usb":    {"media", "usb", "--iso", path("dvd.iso"), "--kickstart", path("ks.cfg")},
	} {
		made := func(epoch string) string {
			out := path(name + ".img")
			code, _, errs := session{t, map[string]string{"SOURCE_DATE_EPOCH": epoch}}.run(append(args, "-o", out, "--force")...)
			if code != 0 {
				t.Fatalf("%s: %d\n%s", name, code, errs)
			}
			sum, _, err := digest.File(t.Context(), out)
			if err != nil {
				t.Fatal(err)
			}
			return sum
		}
		plain, first, again, other := made(""), made("1700000000"), made("1700000000"), made("1600000000")
		if first != again || first == other || first == plain {
			t.Errorf("%s: SOURCE_DATE_EPOCH does not decide on the bytes: %s %s %s %s", name, plain, first, again, other)
		}
		for _, epoch := range bad {
			out := path(name + ".bad")
			code, _, errs := session{t, map[string]string{"SOURCE_DATE_EPOCH": epoch}}.run(append(args, "-o", out)...)
			if _, err := os.Stat(out); code != exitInput || !strings.Contains(errs, "SOURCE_DATE_EPOCH must be") || err == nil {
				t.Errorf("%s, SOURCE_DATE_EPOCH=%s: %d, file: %v\n%s", name, epoch, code, err, errs)
			}
		}
	}

	alma := []string{"alma", "--dry-run", "--json", "--arch", "x86_64", "--iso", path("dvd.iso"), "--out", path("out.qcow2"), "--firmware", "bios", "--accel", "tcg",
		"--qemu", qemutest.Executable(t, qemutest.Script{})}
	plan := func(epoch string) (code int, date time.Time, errs string) {
		code, out, errs := session{t, map[string]string{"SOURCE_DATE_EPOCH": epoch, "IMGASM_CACHE": path("cache")}}.run(alma...)
		var v struct {
			Time time.Time `json:"mediaTime"`
		}
		if code == 0 {
			fits(t, "plan", []byte(out))
			if err := json.Unmarshal([]byte(out), &v); err != nil {
				t.Fatal(err)
			}
		}
		return code, v.Time, errs
	}
	if code, date, errs := plan("1700000000"); code != 0 || date.Unix() != 1700000000 {
		t.Errorf("alma: %d, %s\n%s", code, date, errs)
	}
	// Derived, as that of imgasm media: the same each time, and not the clock's.
	code, date, errs := plan("")
	if _, again, _ := plan(""); code != 0 || date.Year() < 2000 || date.Year() > 2020 || !date.Equal(again) {
		t.Errorf("alma without SOURCE_DATE_EPOCH: %d, %s, again %s\n%s", code, date, again, errs)
	}
	// Known before anything is asked of the network: here there is nobody.
	fetch := []string{"alma", "--arch", "x86_64", "--iso", "http://127.0.0.1:1/installer.iso", "--out", path("out.qcow2")}
	if code, _, errs := (session{t, map[string]string{"SOURCE_DATE_EPOCH": "x", "IMGASM_CACHE": path("cache")}}).run(fetch...); code != exitInput {
		t.Errorf("alma, SOURCE_DATE_EPOCH=x and an ISO to fetch: %d\n%s", code, errs)
	}
	for _, epoch := range bad {
		if code, _, errs := plan(epoch); code != exitInput || !strings.Contains(errs, "SOURCE_DATE_EPOCH must be") || !strings.Contains(errs, "imgasm: hint: unset it") {
			t.Errorf("alma, SOURCE_DATE_EPOCH=%s: %d\n%s", epoch, code, errs)
		}
	}
}
