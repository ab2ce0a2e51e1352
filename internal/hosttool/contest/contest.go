//go:build unix

// Package contest is for benchmarks that run our code beside the programs that
// one would take instead, each side as processes, in pairs and in random order:
// on a shared machine single runs differ by a factor of two.
package contest

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// self in the environment makes the test's own binary do our side and end.
const self = "IMGASM_CONTEST"

// Main is for TestMain: it runs the tests, or what Side.Self asked for, by its name.
func Main(m *testing.M, works map[string]func(args []string) error) {
	args := strings.Split(os.Getenv(self), "\n")
	work := works[args[0]]
	if work == nil {
		os.Exit(m.Run())
	}
	if err := work(args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// Not the kernel's ru_maxrss: a child's begins with its parent's.
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Println(strings.TrimSpace(after[:strings.Index(after+"\n", "\n")]))
	os.Exit(0)
}

// Side is one of the two in a pair. It writes to Dir, which is empty.
type Side struct {
	Dir string

	b         *testing.B
	cpu, wall time.Duration
	peak      float64 // MiB of memory, of Self only
	space     float64 // bytes of the files that it leaves
	read      float64 // bytes, by system calls; 0 if the system does not say
}

// Command runs a program.
func (s *Side) Command(name string, args ...string) { s.run(exec.Command(name, args...)) }

// Self does a work of Main's in a process of its own.
func (s *Side) Self(work string, args ...string) {
	binary, err := os.Executable()
	if err != nil {
		s.b.Fatal(err)
	}
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), self+"="+strings.Join(append([]string{work}, args...), "\n"))
	if _, err := fmt.Sscanf(s.run(cmd), "%g kB", &s.peak); err == nil {
		s.peak /= 1024
	}
}

func (s *Side) run(cmd *exec.Cmd) string {
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.b.Fatalf("%s: %v\n%s", cmd.Path, err, out)
	}
	s.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return string(out)
}

// Read is how many bytes each side has read, as a median; 0 if that is not known.
type Read struct{ Ours, Theirs float64 }

// Run reports the medians of the ratios of ours to theirs within at least 7
// pairs: of processor time, time, and the space of what they wrote.
func Run(b *testing.B, ours, theirs func(*Side)) Read {
	const pairs = 7
	var cpu, wall, space, peak, read, theirRead []float64
	pair := func() {
		x, y := ours, theirs
		first := rand.IntN(2) == 0
		if !first {
			x, y = y, x
		}
		o, t := measure(b, x), measure(b, y)
		if !first {
			o, t = t, o
		}
		b.Logf("CPU %6.2f s against %6.2f s, wall %6.2f s against %6.2f s, %.0f MB against %.0f MB, peak %.0f MiB",
			o.cpu.Seconds(), t.cpu.Seconds(), o.wall.Seconds(), t.wall.Seconds(), o.space/1e6, t.space/1e6, o.peak)
		cpu, wall = append(cpu, float64(o.cpu)/float64(t.cpu)), append(wall, float64(o.wall)/float64(t.wall))
		space, peak = append(space, o.space/t.space), append(peak, o.peak)
		read, theirRead = append(read, o.read), append(theirRead, t.read)
	}
	for b.Loop() {
		pair()
	}
	for len(cpu) < pairs {
		pair()
	}
	b.ReportMetric(0, "ns/op") // of a pair: says nothing
	b.ReportMetric(median(cpu), "cpu-ratio")
	b.ReportMetric(median(wall), "wall-ratio")
	b.ReportMetric(median(space), "size-ratio")
	b.ReportMetric(slices.Max(peak), "MiB-peak")
	return Read{median(read), median(theirRead)}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// warm uses as much memory as a result takes, and gives it back. A virtual machine
// gives memory that is free back to its host, and who writes next would pay for
// fetching it: three times the time of an uncompressed image.
func warm(b *testing.B) {
	memory, err := unix.Mmap(-1, 0, 5<<29, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		b.Fatal(err)
	}
	for at := 0; at < len(memory); at += 4096 {
		memory[at] = 1
	}
	if err := unix.Munmap(memory); err != nil {
		b.Fatal(err)
	}
}

func measure(b *testing.B, f func(*Side)) *Side {
	s := &Side{Dir: b.TempDir(), b: b}
	warm(b)
	before, began := bytesRead(), time.Now()
	f(s)
	s.wall, s.read = time.Since(began), bytesRead()-before
	err := filepath.WalkDir(s.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		in, err := e.Info()
		if err == nil && in.Mode().IsRegular() {
			s.space += float64(in.Sys().(*syscall.Stat_t).Blocks * 512)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := os.RemoveAll(s.Dir); err != nil { // what is not yet on the disk need not go there
		b.Fatal(err)
	}
	return s
}

// bytesRead is what this process and its finished children have read (Linux).
func bytesRead() (n float64) {
	text, _ := os.ReadFile("/proc/self/io")
	_, _ = fmt.Sscanf(string(text), "rchar: %g", &n)
	return n
}
