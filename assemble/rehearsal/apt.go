// The kernel, shim and GRUB from Debian's or Ubuntu's packages. apt runs as a
// child with a state of its own below the cache: it needs no root, changes
// nothing on the system, fetches for another architecture as well, and
// mirrors, proxies and signatures stay its business.

package rehearsal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/event"
)

// apt is one private state of apt for one architecture.
type apt struct {
	dir  string // holds state, cache and downloads
	arch string // Debian's name: amd64, arm64
	say  func(event.Event)
}

func newApt(dir string, a arch.Arch, say func(event.Event)) (*apt, error) {
	for _, tool := range []string{"apt-get", "apt-cache"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, err
		}
	}
	dir = filepath.Join(dir, a.GOARCH)
	for _, d := range []string{"state/lists/partial", "cache/archives/partial", "packages"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	// apt wants to see which packages are installed: none.
	if err := os.WriteFile(filepath.Join(dir, "status"), nil, 0o644); err != nil {
		return nil, err
	}
	return &apt{dir: dir, arch: a.GOARCH, say: say}, nil
}

// options point apt at the private state and at the one architecture.
func (a *apt) options() []string {
	var o []string
	for _, kv := range []string{
		"Dir::State=" + filepath.Join(a.dir, "state"),
		"Dir::State::status=" + filepath.Join(a.dir, "status"),
		"Dir::Cache=" + filepath.Join(a.dir, "cache"),
		"APT::Architecture=" + a.arch,
		"APT::Architectures=" + a.arch,
		"APT::Architectures::=" + a.arch,
		// Without root apt cannot become the user _apt, and need not.
		"APT::Sandbox::User=",
		"Acquire::Languages=none",
		"Acquire::Retries=3",
		"Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
		"Acquire::IndexTargets::deb::CNF::DefaultEnabled=false",
	} {
		o = append(o, "-o", kv)
	}
	return o
}

// run runs apt-get or apt-cache in the folder for downloads and returns its output.
func (a *apt) run(ctx context.Context, tool string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, tool, append(a.options(), args...)...)
	cmd.Dir = filepath.Join(a.dir, "packages")
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("%s %s: %w: %s", tool, strings.Join(args, " "), err, tail(errs.String(), 400))
	}
	return out.String(), nil
}

// tail returns the last max bytes of s, on one line.
func tail(s string, max int) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > max {
		s = "…" + s[len(s)-max:]
	}
	return s
}

// kernelDepends finds the package that a kernel metapackage stands for today:
// "Depends: linux-image-6.1.0-56-amd64", Ubuntu's "linux-image-6.8.0-31-generic".
var kernelDepends = regexp.MustCompile(`(?m)^\s*Depends: (linux-(?:image|modules(?:-extra)?)-[0-9][^\s<|]*)`)

// kernelPackages resolves the metapackage into the packages that hold the
// kernel and its modules: one on Debian, two or three on Ubuntu.
func (a *apt) kernelPackages(ctx context.Context) ([]string, error) {
	// Debian's generic kernel, not its cloud kernel: that one has no i6300esb,
	// no USB storage and, on arm64, no gpio-keys.
	var tried []string
	for _, meta := range []string{"linux-image-" + a.arch, "linux-image-generic", "linux-image-virtual"} {
		names, err := a.depends(ctx, meta)
		if err != nil || len(names) == 0 {
			tried = append(tried, meta)
			continue
		}
		for _, n := range names {
			more, err := a.depends(ctx, n)
			if err != nil {
				return nil, err
			}
			names = append(names, more...)
		}
		return names, nil
	}
	return nil, fmt.Errorf("apt knows no kernel package for %s (looked for %s)", a.arch, strings.Join(tried, ", "))
}

func (a *apt) depends(ctx context.Context, pkg string) ([]string, error) {
	out, err := a.run(ctx, "apt-cache", "depends", pkg)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range kernelDepends.FindAllStringSubmatch(out, -1) {
		names = append(names, m[1])
	}
	return names, nil
}

// candidate finds a package and the version that would be installed in the
// output of apt-cache policy.
var candidate = regexp.MustCompile(`(?m)^([^ \n:]+)(?::[a-z0-9]+)?:\n(?:  .*\n)*?  Candidate: (\S+)`)

// download fetches packages, those that are there already excepted, and
// returns their files in the order of the names.
func (a *apt) download(ctx context.Context, names ...string) ([]string, error) {
	out, err := a.run(ctx, "apt-cache", append([]string{"policy"}, names...)...)
	if err != nil {
		return nil, err
	}
	versions := map[string]string{}
	for _, m := range candidate.FindAllStringSubmatch(out, -1) {
		versions[m[1]] = m[2]
	}
	if _, err := a.run(ctx, "apt-get", append([]string{"-q", "download"}, names...)...); err != nil {
		return nil, err
	}
	var paths []string
	for _, n := range names {
		// apt writes the colon of an epoch as %3a.
		pattern := filepath.Join(a.dir, "packages", n+"_"+strings.ReplaceAll(versions[n], ":", "%3a")+"_*.deb")
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			return nil, fmt.Errorf("apt-get download %s: no file %s", n, pattern)
		}
		paths = append(paths, found[0])
	}
	return paths, nil
}

// aptSupply fetches and unpacks what the rehearsal needs from packages.
func aptSupply(ctx context.Context, dir string, target arch.Arch, say func(event.Event)) (*supply, error) {
	a, err := newApt(dir, target, say)
	if err != nil {
		return nil, err
	}
	say(event.Event{Kind: event.Note, Text: "asking apt for the newest kernel, shim and GRUB for " + target.Name})
	if _, err := a.run(ctx, "apt-get", "-q", "update"); err != nil {
		return nil, err
	}
	kernel, err := a.kernelPackages(ctx)
	if err != nil {
		return nil, err
	}
	names := append(kernel, "shim-signed", "grub-efi-"+target.GOARCH+"-signed")
	say(event.Event{Kind: event.Note, Text: "downloading " + strings.Join(names, ", ")})
	files, err := a.download(ctx, names...)
	if err != nil {
		return nil, err
	}
	s := newSupply(target)
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".deb")
		say(event.Event{Kind: event.Note, Text: "unpacking " + name})
		s.Origin = append(s.Origin, name)
		if err := s.takeDeb(ctx, f); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
	}
	return s, s.complete()
}

func (s *supply) takeDeb(ctx context.Context, file string) error { return takeDeb(ctx, file, s.take) }

// takeDeb shows each file of a package to take.
func takeDeb(ctx context.Context, file string, take func(name, link string, content io.Reader) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return walkDeb(f, func(name, link string, size int64, content io.Reader) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return take(name, link, content)
	})
}

// aptTools fetches and unpacks the tools that the guest runs.
func aptTools(ctx context.Context, dir string, target arch.Arch, say func(event.Event)) (tools, error) {
	a, err := newApt(dir, target, say)
	if err != nil {
		return nil, err
	}
	if _, err := a.run(ctx, "apt-get", "-q", "update"); err != nil {
		return nil, err
	}
	say(event.Event{Kind: event.Note, Text: "downloading and unpacking " + strings.Join(toolPackages, ", ")})
	files, err := a.download(ctx, toolPackages...)
	if err != nil {
		return nil, err
	}
	t := tools{}
	for _, f := range files {
		if err := takeDeb(ctx, f, t.take); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
	}
	return t.closure(target)
}

// isNoApt tells apart "this system has no apt" from "apt failed".
func isNoApt(err error) bool { return errors.Is(err, exec.ErrNotFound) }
