package rpmdb_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imgasm/imgasm/assemble/rpmdb"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// query is what rpm is asked about a package, a line each; said is what we say.
const query = `%{nvra}|%{name}|%{epochnum}|%{version}|%{release}|%{arch}|%{summary}|%{license}|%{vendor}|%{url}|%{sourcerpm}|%{modularitylabel}|%{longsize}|%{buildtime}|%{installtime}|%{sha256header}\n`

func said(p rpmdb.Package) string {
	date := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return fmt.Sprint(t.Unix())
	}
	fields := []string{
		p.String(), p.Name, fmt.Sprint(p.Epoch), p.Version, p.Release, p.Arch, p.Summary, p.License, p.Vendor, p.URL, p.SourceRPM, p.Modularity,
		fmt.Sprint(p.Size), date(p.BuildTime), date(p.InstallTime), p.HeaderSHA256,
	}
	for i, f := range fields {
		if f == "" {
			fields[i] = "(none)"
		}
	}
	return strings.Join(fields, "|")
}

// spec is of 400 packages: with and without epochs, modules, translations; the
// last ones have long descriptions and thousands of files, and so headers of
// many overflow pages.
const spec = `%define _build_id_links none
Name: many
Version: 1.0
Release: 1
Summary: All of them
License: MIT
%description
%{lua:
for i=1,400 do
 local n = "many-"..i
 print("%package -n "..n.."\nVersion: 1."..i.."\nRelease: "..(i%7).."~rc"..i.."^"..i..".el10\nSummary: Part "..i.."\nSummary(de): Teil "..i.."\n")
 if i%3==0 then print("Epoch: "..(i%5).."\n") end
 if i%2==0 then print("BuildArch: noarch\n") end
 if i%11==0 then print("License: GPL-2.0-or-later AND (MIT OR \"X\")\n") end
 if i%5==0 then print("Vendor: Bücher & Söhne\nURL: https://example.org/"..n.."\nModularityLabel: m:"..i..":20240301:abc\n") end
 print("%description -n "..n.."\n"..string.rep("text ", i > 395 and 100000 or i*10).."\n%files -n "..n.."\n")
 if i > 397 then print("/opt/*\n") end
end}
%install
mkdir -p %buildroot/opt
cd %buildroot/opt
seq 3000 | xargs touch
head -c 5000 /dev/zero > size
%files
`

// run runs a program of the host in dir.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "LC_ALL=C", "HOME="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, stderr.Bytes())
	}
	return string(out)
}

// installed is the root of a system in whose database rpm has put the packages
// of spec, a key, and some again in another version, and removed a few.
func installed(t *testing.T) (root string, rpm func(args ...string) string) {
	t.Helper()
	tool, build := hosttool.Find(t, "rpm", "rpm"), hosttool.Find(t, "rpmbuild", "rpm")
	gpg := hosttool.Find(t, "gpg", "gnupg")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "many.spec"), []byte(spec), 0o600); err != nil {
		t.Fatal(err)
	}
	top := "_topdir " + filepath.Join(dir, "top")
	run(t, dir, build, "-bb", "--quiet", "--define", top, "--define", "_binary_payload w0.gzdio", "many.spec")
	built, err := filepath.Glob(filepath.Join(dir, "top/RPMS/*/*.rpm"))
	if err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(dir, "keys")
	root = filepath.Join(dir, "root")
	for _, d := range []string{keys, root} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	rpm = func(args ...string) string {
		t.Helper()
		return run(t, dir, tool, append([]string{"--root", root, "--dbpath", "/usr/lib/sysimage/rpm", "--define", "_db_backend sqlite"}, args...)...)
	}
	run(t, dir, gpg, "--homedir", keys, "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "Test <test@example.org>", "rsa2048", "sign", "never")
	run(t, dir, gpg, "--homedir", keys, "--armor", "--export", "--output", filepath.Join(dir, "key.asc"))
	rpm("--initdb")
	rpm("--import", filepath.Join(dir, "key.asc"))
	rpm(append([]string{"-i", "--justdb", "--nodeps", "--noscripts", "--ignorearch"}, built...)...)
	rpm("-e", "--justdb", "--nodeps", "many-7", "many-300")
	return root, rpm
}

// TestAgainstRPM compares all that is said of 400 packages with what rpm says.
func TestAgainstRPM(t *testing.T) {
	root, rpm := installed(t)
	got, err := rpmdb.List(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	var ours []string
	for _, p := range got {
		ours = append(ours, said(p))
	}
	theirs := strings.Split(strings.TrimSuffix(rpm("-qa", "--qf", query), "\n"), "\n")
	slices.Sort(ours)
	slices.Sort(theirs)
	if diff := cmp.Diff(theirs, ours); diff != "" || len(ours) != 399+1 {
		t.Errorf("%d packages (-rpm +ours):\n%s", len(ours), diff)
	}
	if !slices.IsSortedFunc(got, rpmdb.Compare) {
		t.Error("not in order")
	}
	databases(t, filepath.Join(root, newPlace), ours)
}

// databases has SQLite store the same packages in every way that it can.
func databases(t *testing.T, db string, want []string) {
	sqlite := hosttool.Find(t, "sqlite3", "sqlite3")
	dir := t.TempDir()
	check := func(name, path string) {
		t.Helper()
		fsys := fstest.MapFS{newPlace: {Data: read(t, path)}}
		if log, err := os.ReadFile(path + "-wal"); err == nil {
			fsys[newPlace+"-wal"] = &fstest.MapFile{Data: log}
		}
		list, err := rpmdb.List(fsys)
		var got []string
		for _, p := range list {
			got = append(got, said(p))
		}
		slices.Sort(got)
		if err != nil || !slices.Equal(want, got) {
			t.Errorf("%s: %d packages of %d, or others: %v", name, len(list), len(want), err)
		}
	}
	for size := 512; size <= 65536; size *= 2 {
		for _, reserved := range []int{0, 32} {
			name := fmt.Sprintf("%d-%d", size, reserved)
			path := filepath.Join(dir, name)
			script := fmt.Sprintf(`.filectrl reserve_bytes %d
				PRAGMA synchronous = OFF;
				PRAGMA page_size = %d;
				VACUUM;
				CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);
				ATTACH '%s' AS rpm;
				INSERT INTO Packages SELECT * FROM rpm.Packages;`, reserved, size, db)
			sql(t, sqlite, path, script)
			if head := read(t, path); int(head[20]) != reserved || int(head[16])<<8+int(head[17]) != size&0xffff+size>>16 {
				t.Fatalf("%s: SQLite made pages of %x with %d reserved", name, head[16:18], head[20])
			}
			check(name, path)
			// Every page of the table is in the log, many of them twice.
			sql(t, sqlite, path, `PRAGMA synchronous = OFF;
				PRAGMA journal_mode = WAL;
				PRAGMA wal_autocheckpoint = 0;
				.dbconfig no_ckpt_on_close on
				DELETE FROM Packages WHERE hnum % 2;
				UPDATE Packages SET hnum = hnum + 10000;
				ATTACH '`+db+`' AS rpm;
				INSERT INTO Packages SELECT * FROM rpm.Packages WHERE hnum % 2;`)
			check(name+" in the log", path)
		}
	}
}

// sql has the sqlite3 shell run a script.
func sql(t *testing.T, sqlite, path, script string) {
	t.Helper()
	cmd := exec.Command(sqlite, "-batch", "-bail", path)
	cmd.Stdin = strings.NewReader(strings.ReplaceAll(script, "\t", "")) // its commands begin lines
	if out, err := cmd.CombinedOutput(); err != nil || bytes.Contains(out, []byte("rror")) {
		t.Fatalf("%s: %v: %s", script, err, out)
	}
}

// TestUncommitted holds that what a transaction has written but not committed does not count.
func TestUncommitted(t *testing.T) {
	sqlite := hosttool.Find(t, "sqlite3", "sqlite3")
	dir := t.TempDir()
	for _, name := range []string{"tiny.sqlite", "tiny.sqlite-wal"} {
		if err := os.WriteFile(filepath.Join(dir, name), read(t, filepath.Join("testdata", name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db := filepath.Join(dir, "tiny.sqlite")
	before := len(read(t, db+"-wal"))
	// A cache of 10 pages makes SQLite write before it commits. The copy is taken then.
	sql(t, sqlite, db, `.dbconfig no_ckpt_on_close on
		PRAGMA cache_size = 10;
		DELETE FROM Packages WHERE hnum = 1;
		BEGIN;
		DELETE FROM Packages WHERE hnum = 2;
		INSERT INTO Packages SELECT a.hnum * 1000 + b.hnum, a.blob FROM Packages a, Packages b;
		.shell cp '`+db+`-wal' '`+filepath.Join(dir, "copy")+`'
		ROLLBACK;`)
	log := read(t, filepath.Join(dir, "copy"))
	list, err := rpmdb.List(fstest.MapFS{newPlace: {Data: read(t, db)}, newPlace + "-wal": {Data: log}})
	if err != nil || len(list) != 5 || len(log) < before+20*512 {
		t.Errorf("%d packages of a log of %d bytes: %v", len(list), len(log), err)
	}
}

// TestVersionsAgainstRPM compares the order of versions with RPM's.
func TestVersionsAgainstRPM(t *testing.T) {
	tool := hosttool.Find(t, "rpm", "rpm")
	r := rand.New(rand.NewPCG(1, 2))
	var pairs [][2]string
	var script strings.Builder
	for range 3000 {
		pair := [2]string{version(r), version(r)}
		if r.IntN(3) == 0 {
			pair[1] = pair[0] + version(r)
		}
		pairs = append(pairs, pair)
		fmt.Fprintf(&script, "print(rpm.vercmp('%s','%s')..' ')\n", pair[0], pair[1])
	}
	file := filepath.Join(t.TempDir(), "versions.lua")
	if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	answers := strings.Fields(run(t, t.TempDir(), tool, "--eval", "%{lua:dofile('"+file+"')}"))
	if len(answers) != len(pairs) {
		t.Fatalf("%d answers", len(answers))
	}
	seen := map[string]int{}
	for i, p := range pairs {
		seen[answers[i]]++
		if got := fmt.Sprint(rpmdb.CompareStrings(p[0], p[1])); got != answers[i] {
			t.Errorf("%q and %q: %s, RPM says %s", p[0], p[1], got, answers[i])
		}
	}
	if len(seen) != 3 {
		t.Errorf("only %v", seen)
	}
}

func version(r *rand.Rand) string {
	parts := []string{"1", "01", "10", "2", "a", "b", "rc", "Z", ".", "_", "~", "^", "..", "+", "ü", "9999999999999999999999"} // no -, which begins a release
	var s strings.Builder
	for range 1 + r.IntN(5) {
		s.WriteString(parts[r.IntN(len(parts))])
	}
	return s.String()
}
