package kickstart

import (
	"fmt"
	"strings"
	"testing"
)

// bigFile is a kickstart of 10,000 lines as generators write them: few
// different commands, many packages and users, long scripts.
func bigFile() []byte {
	var b strings.Builder
	b.WriteString("lang en_US.UTF-8\nkeyboard us\ntimezone UTC --utc\nrootpw --lock\ncdrom\nclearpart --all --initlabel\n" +
		"part / --fstype=xfs --size=4096 --grow\npoweroff\n")
	for i := range 1500 {
		fmt.Fprintf(&b, "user --name=user%d --groups=wheel,adm --gecos=\"User %d\" --lock\n", i, i)
		fmt.Fprintf(&b, "repo --name=repo%d --baseurl=https://mirror.example/%d/os/ --cost=%d # a mirror\n", i, i, i)
	}
	b.WriteString("%packages --exclude-weakdeps\n@^minimal-environment\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "package-%d\n", i)
	}
	b.WriteString("%end\n%post --erroronfail\nset -eu\n")
	for i := range 3990 {
		fmt.Fprintf(&b, "[ -e /etc/file%d ] || install -m 0644 \"$src/%d\" '/etc/file%d' && echo done >>\"$log\"\n", i, i, i)
	}
	b.WriteString("%end\n")
	return []byte(b.String())
}

func TestBigFile(t *testing.T) {
	src := bigFile()
	if n := strings.Count(string(src), "\n"); n < 10000 {
		t.Fatalf("the file has %d lines only", n)
	}
	if got := Lint(parse(t, string(src)), LintOptions{}); len(got) > 0 {
		t.Errorf("findings: %+v", got[0])
	}
}

// BenchmarkLint10000 parses and lints a file of 10,000 lines; it should stay
// under 50 ms of CPU time, which it reports as cpu-ms/op where it can.
func BenchmarkLint10000(b *testing.B) {
	src := bigFile()
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	before, known := cpuTime()
	for b.Loop() {
		f, err := Parse("big.ks", src)
		if err != nil {
			b.Fatal(err)
		}
		Lint(f, LintOptions{})
	}
	if after, _ := cpuTime(); known {
		b.ReportMetric(float64((after-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
	}
}

// BenchmarkParse is the part of the parser alone.
func BenchmarkParse(b *testing.B) {
	src := bigFile()
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("big.ks", src); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLintBroken lints a file of 10,000 lines that are all wrong.
func BenchmarkLintBroken(b *testing.B) {
	src := []byte(strings.Repeat("part / --sizze=1 --fs=xfs \"\n\nprat\nnetwork --ip=x --bootprotto=dhcp foo\n%end\n", 2000))
	b.ReportAllocs()
	for b.Loop() {
		f, err := Parse("broken.ks", src)
		if err != nil {
			b.Fatal(err)
		}
		Lint(f, LintOptions{})
	}
}
