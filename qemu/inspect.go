package qemu

// What a QEMU binary is and can do, asked over QMP of a machine without
// anything: no help text is read.

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/memo"
	"github.com/imgasm/imgasm/qemu/monitor"
)

// Version is a QEMU version.
type Version struct {
	Major, Minor, Micro int
	Package             string // the distributor's addition: "Debian 1:7.2+dfsg-7+deb12u18"
}

// MinVersion is the oldest QEMU that is supported. Older ones need
// "highmem=off" under HVF, know no PNG screendump, and cap memory.
var MinVersion = Version{Major: 7}

// V3Version is the oldest QEMU that emulates x86-64-v3 (AVX2).
var V3Version = Version{Major: 7, Minor: 2}

func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Micro) }

// Before tells whether v is older than o.
func (v Version) Before(o Version) bool {
	return slices.Compare([]int{v.Major, v.Minor, v.Micro}, []int{o.Major, o.Minor, o.Micro}) < 0
}

// Info is what a QEMU binary can do.
type Info struct {
	Path    string
	Version Version
	Accels  []string // "hvf", "kvm", "tcg", …, sorted; built in, which does not say that they work: see package accel
	Sandbox bool     // Config.Sandbox works: tried
	CPUs    []string // processor models, sorted
	Devices []string // by -device's name, sorted
}

// HasDevice tells whether the build has a device, by -device's name.
func (i *Info) HasDevice(name string) bool {
	_, has := slices.BinarySearch(i.Devices, name)
	return has
}

// Missing lists the devices that a configuration needs and the build lacks.
func (i *Info) Missing(c Config) []string {
	var missing []string
	words := c.Args(c.LinksIn("."))
	for n, word := range words {
		if word != "-device" || n+1 == len(words) {
			continue
		}
		name, _, _ := strings.Cut(words[n+1], ",")
		if !i.HasDevice(name) && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	return missing
}

// Inspect asks a QEMU binary (a path, or a name in PATH) what it is and can
// do: a tenth of a second. Errors: ErrMissing, ErrOld (Info is valid then),
// ErrNoAnswer.
func Inspect(ctx context.Context, binary string) (*Info, error) {
	path, err := Find(binary)
	if err != nil {
		return nil, err
	}
	info := &Info{Path: path, Sandbox: runtime.GOOS == "linux"}
	vm, err := info.start(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, err
	case err != nil:
		return nil, noAnswer(path, err)
	}
	defer vm.Close()
	v := vm.Monitor.Version()
	info.Version = Version{v.QEMU.Major, v.QEMU.Minor, v.QEMU.Micro, v.Package}
	if info.Version.Before(MinVersion) {
		return info, &fault.Error{Class: ErrOld, Do: "install a newer QEMU, or name one: {Binary}",
			Err: fmt.Errorf("%s is QEMU %v: %d.%d is the oldest that imgasm works with", path, info.Version, MinVersion.Major, MinVersion.Minor)}
	}
	if err := info.ask(ctx, vm.Monitor); err != nil {
		return nil, err
	}
	return info, vm.Quit(ctx)
}

// Recall is Inspect, whose answer it remembers in the folder memory until the
// binary is replaced or the host started again.
func Recall(ctx context.Context, binary, memory string) (*Info, error) {
	path, err := Find(binary)
	if err != nil {
		return nil, err
	}
	name, of := "qemu-"+filepath.Base(path)+".json", memo.Program(path)
	info := &Info{}
	if memo.Recall(memory, name, of, info) && info.Path == path {
		return info, nil
	}
	if info, err = Inspect(ctx, path); err == nil {
		memo.Keep(memory, name, of, info)
	}
	return info, err
}

// start starts the binary in its sandbox, and without it if that cannot be: a
// build without seccomp, or a container that forbids it.
func (i *Info) start(ctx context.Context) (*VM, error) {
	if i.Sandbox {
		vm, err := startBare(ctx, i.Path, Options{}, "-sandbox", sandbox)
		if err == nil || ctx.Err() != nil {
			return vm, err
		}
		i.Sandbox = false
	}
	return startBare(ctx, i.Path, Options{})
}

// startBare starts a QEMU that is no machine: block layer and QMP only.
func startBare(ctx context.Context, binary string, o Options, extra ...string) (*VM, error) {
	return start(ctx, binary, nil, func(l Links) []string {
		a := &args{}
		a.add("-nodefaults", "-no-user-config", "-display", "none", "-machine", "none", "-accel", "tcg")
		a.opt("-chardev", chardev("qmp", l.QMP)...)
		a.add("-mon", "chardev=qmp,mode=control")
		a.opt("-chardev", chardev("serial0", l.Serial)...)
		a.add(extra...)
		return a.words
	}, o)
}

// qomType is one element of qom-list-types' answer.
type qomType struct {
	Name string `json:"name"`
}

func (i *Info) ask(ctx context.Context, m *monitor.Client) error {
	types := func(implements string) (names []string, err error) {
		var list []qomType
		err = m.Do(ctx, "qom-list-types", map[string]any{"implements": implements, "abstract": false}, &list)
		for _, t := range list {
			names = append(names, t.Name)
		}
		return names, err
	}
	var err error
	if i.Devices, err = types("device"); err != nil {
		return err
	}
	slices.Sort(i.Devices)
	accels, err := types("accel")
	if err != nil {
		return err
	}
	for _, a := range accels {
		if name, ok := strings.CutSuffix(a, "-accel"); ok && name != "qtest" {
			i.Accels = append(i.Accels, name)
		}
	}
	slices.Sort(i.Accels)
	var cpus []qomType
	if err := m.Do(ctx, "query-cpu-definitions", nil, &cpus); err != nil && !refused(err) {
		return err
	}
	for _, c := range cpus {
		i.CPUs = append(i.CPUs, c.Name)
	}
	slices.Sort(i.CPUs)
	return nil
}

// refused tells QEMU's own no from a connection that has ended.
func refused(err error) bool {
	var e *monitor.Error
	return errors.As(err, &e)
}
