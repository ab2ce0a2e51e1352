// What builds share: their flags, running one, and showing it.

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/alma"
	"github.com/imgasm/imgasm/assemble/guest"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/lock"
	"github.com/imgasm/imgasm/assemble/source"
	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/internal/size"
)

// The groups of flags in --help: what one wants to do.
const (
	groupSource    = "Choose what is taken"
	groupWhere     = "Choose where it is done"
	groupLogin     = "Say who may log in"
	groupSystem    = "Set up the system (without a kickstart of yours)"
	groupProvision = "Add to the system"
	groupImage     = "Say what is written"
	groupRecords   = "Keep records"
	groupRun       = "Run the machine"
	groupMachine   = "Set up the virtual machine"
	groupInstaller = "Start the installer"
	groupTarget    = "Say for which machine"
	groupChecks    = "Choose what is checked"
	groupHow       = "Choose what is done"
	groupFailure   = "When it fails"
	groupTalk      = "See what happens"
)

// buildFlags are the flags of every kind of build.
func buildFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "arch", Category: groupSource, Usage: "`ARCH`: " + arch.Names(), DefaultText: "this host's"},
		&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Category: groupImage, Usage: "write the image to `FILE`"},
		&cli.StringSliceFlag{Name: "format", Category: groupImage, Usage: "image's `FORMAT`; further ones beside it", DefaultText: "by --out, else qcow2"},
		&cli.BoolFlag{Name: "force", Category: groupImage + rare, Usage: "replace an existing file that imgasm did not make"},
		&cli.BoolFlag{Name: "provenance", Category: groupRecords + rare, Usage: "write an in-toto statement with SLSA provenance beside the image"},
		&cli.StringSliceFlag{Name: "sbom", Category: groupRecords + rare, Usage: "`cyclonedx|spdx` bill of materials, of the system's packages, beside the image"},
		&cli.StringFlag{Name: keyFlag, Hidden: true},
		&cli.StringFlag{Name: "report", Category: groupRecords + rare, Usage: "write a page about the build, however it ends: `FILE.html`, or a folder, which gets an index"},
		&cli.BoolFlag{Name: "checksum", Category: groupRecords + rare, Usage: "write SHA256SUMS beside the image"},
		&cli.BoolFlag{Name: "lock", Category: groupRecords + rare, Usage: "write what the inputs were into the lock file"},
		&cli.BoolFlag{Name: "locked", Category: groupRecords + rare, Usage: "demand the inputs that the lock file names"},
		&cli.StringFlag{Name: "lock-file", Category: groupRecords + rare, Usage: "`FILE` of locked inputs", Value: lock.FileName},
		&cli.StringFlag{Name: "memory", Category: groupMachine + rare, Usage: "`SIZE` of the guest's memory, such as 4G", DefaultText: "as the system needs"},
		&cli.IntFlag{Name: "cpus", Category: groupMachine + rare, Usage: "`NUMBER` of the guest's processors", DefaultText: cpusDefault},
		&cli.StringFlag{Name: "accel", Category: groupMachine + rare, Usage: "`auto|kvm|hvf|whpx|tcg` accelerator; auto takes the fastest that is proved to work", Value: "auto"},
		&cli.StringFlag{Name: "cpu", Category: groupMachine + rare, Usage: "processor `MODEL`, as QEMU names it", DefaultText: "by accelerator"},
		&cli.StringFlag{Name: "qemu", Category: groupMachine + rare, Usage: "`PATH` of QEMU", DefaultText: "found in PATH"},
		&cli.StringFlag{Name: "firmware", Category: groupMachine + rare, Usage: "`auto|bios|uefi|CODE[:VARS]` firmware; CODE and VARS are files", Value: "auto"},
		&cli.StringFlag{Name: "bundle", Category: groupFailure + rare, Usage: "keep the logs of a build that fails in `FILE.tar.zst`", DefaultText: "in the folder OUT.failed"},
		&cli.BoolFlag{Name: "keep-vm", Category: groupFailure + rare, Usage: "hold a guest that fails, for imgasm console"},
		&cli.BoolFlag{Name: "keep", Category: groupFailure + rare, Usage: "keep the working folder with media and logs"},
		&cli.BoolFlag{Name: "no-verify", Category: groupImage + rare, Usage: "publish without having seen the image boot, and without the checks of imgasm verify"},
		&cli.BoolFlag{Name: "dry-run", Category: groupTalk, Usage: "print the plan, fetch what it needs, build nothing"},
		&cli.BoolFlag{Name: "json", Category: groupTalk, Usage: "print events (or the plan) as JSON lines"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Category: groupTalk + rare, Usage: "print problems and the result only"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Category: groupTalk, Usage: "print the guest's console too"},
	}
}

// cpusDefault is how many processors a machine has by default.
const cpusDefault = "the host's, at most 4"

// outputSpec and machineSpec read buildFlags.
func outputSpec(c *cli.Context) assemble.Output {
	return assemble.Output{
		Out: c.String("out"), Formats: c.StringSlice("format"), Force: c.Bool("force"), Keep: c.Bool("keep"), Bundle: c.String("bundle"),
		Lock: c.Bool("lock"), Locked: c.Bool("locked"), LockFile: c.String("lock-file"), Provenance: c.Bool("provenance"), Checksums: c.Bool("checksum"),
		SBOM: c.StringSlice("sbom"), Report: c.String("report"), Key: c.String(keyFlag),
	}
}

// outName is what the image is called that a build makes.
func outName(byDefault string) func(*cli.Context) string {
	return func(c *cli.Context) string { return filepath.Base(outputSpec(c).WithDefaults(byDefault).Out) }
}

func (a *app) machineSpec(c *cli.Context) (guest.Spec, error) {
	s := guest.Spec{Accel: c.String("accel"), CPU: c.String("cpu"), QEMU: c.String("qemu"), Firmware: c.String("firmware")}
	var err error
	if s.CPUs, err = cpusFlag(c); err != nil {
		return s, err
	}
	if s.MemoryMiB, err = memoryFlag(c); err != nil {
		return s, err
	}
	return s, nil
}

// cpusFlag reads how many processors a machine has; 0: it is not given.
func cpusFlag(c *cli.Context) (int, error) {
	if n := c.Int("cpus"); n > 0 || !c.IsSet("cpus") {
		return n, nil
	}
	return 0, badInput("--cpus", fmt.Errorf("%d: must be larger than 0", c.Int("cpus")), "leave it out for "+cpusDefault)
}

// memoryFlag reads a machine's memory, in MiB; 0: it is not given.
func memoryFlag(c *cli.Context) (int, error) {
	m := c.String("memory")
	if m == "" {
		return 0, nil
	}
	bytes, err := size.Parse(m)
	if err != nil {
		return 0, badInput("--memory", err, "such as --memory 4G")
	}
	if bytes>>20 == 0 {
		return 0, badInput("--memory", fmt.Errorf("%q is less than a megabyte", m), "such as --memory 4G")
	}
	return int(bytes >> 20), nil
}

// installFlags are those of a build by an installation.
func installFlags() []cli.Flag {
	return append(buildFlags(),
		&cli.StringFlag{Name: "disk-size", Category: groupImage, Usage: "`SIZE` of the guest's disk", Value: "10G"},
		&cli.StringFlag{Name: "boot", Category: groupInstaller + rare, Usage: "`kernel|media` how the installer starts: QEMU loads its kernel, or it boots from an EFI boot medium", Value: "kernel"},
		&cli.StringFlag{Name: "deliver", Category: groupInstaller + rare, Usage: "`oemdrv|initrd|both` how the kickstart comes to the installer: on a volume, or in its initrd", Value: "oemdrv"},
		&cli.BoolFlag{Name: "secure-boot", Category: groupMachine + rare, Usage: "enforce Secure Boot (implies --boot media)"},
		&cli.StringSliceFlag{Name: "kernel-arg", Category: groupInstaller + rare, Usage: "add `ARGUMENT` to the installer's kernel command line"},
		&cli.StringFlag{Name: "console-mode", Category: groupInstaller + rare, Usage: "`direct|tmux` how the installer shows itself on the serial console: it prints lines, or its usual screen", Value: "direct"},
		&cli.BoolFlag{Name: "ks-strict", Category: groupInstaller + rare, Usage: "what the installer warns of in the kickstart is an error (inst.ksstrict)"},
		&cli.DurationFlag{Name: "timeout", Category: groupFailure + rare, Usage: "give the installation up after `TIME`, such as 90m", DefaultText: "2h, emulated 8h"},
		&cli.DurationFlag{Name: "stall-timeout", Category: groupFailure + rare, Usage: "give it up after `TIME` without any sign of life", DefaultText: "by phase"},
		&cli.DurationFlag{Name: "enospc-wait", Category: groupFailure + rare, Usage: "when the host's disk is full, wait `TIME` for space", Value: alma.DefaultSpaceWait},
	)
}

// installSpec reads installFlags.
func (a *app) installSpec(c *cli.Context) (alma.Spec, error) {
	s := alma.Spec{
		Arch: c.String("arch"), NoVerify: c.Bool("no-verify"), Output: outputSpec(c),
		Installation: alma.Installation{
			Boot: c.String("boot"), Deliver: c.String("deliver"), KernelArgs: c.StringSlice("kernel-arg"),
			ConsoleMode: c.String("console-mode"), KSStrict: c.Bool("ks-strict"),
			Timeout: c.Duration("timeout"), StallTimeout: c.Duration("stall-timeout"), SpaceWait: c.Duration("enospc-wait"), KeepVM: c.Bool("keep-vm"),
		},
	}
	var err error
	if s.DiskSize, err = size.Parse(c.String("disk-size")); err != nil {
		return s, badInput("--disk-size", err, "")
	}
	if s.DiskSize == 0 {
		return s, badInput("--disk-size", errors.New("must be larger than 0"), "the default is --disk-size 10G")
	}
	if s.Machine, err = a.machineSpec(c); err != nil {
		return s, err
	}
	s.SecureBoot = c.Bool("secure-boot")
	return s, nil
}

// locator finds or makes the installer ISO of a Spec.
type locator func(context.Context, alma.Spec, event.Sink) (*alma.Installer, error)

// runPlan shows or runs the plan of a Spec, whose ISO locate gets; nil: as the
// Spec says.
func (a *app) runPlan(c *cli.Context, h host.Host, s alma.Spec, locate locator) error {
	if c.Bool("dry-run") {
		return a.dryRun(c, h, s, locate)
	}
	if locate == nil {
		locate = func(ctx context.Context, s alma.Spec, show event.Sink) (*alma.Installer, error) {
			return s.Locate(ctx, h, show)
		}
	}
	return a.publishes(c, func(show event.Sink) (*assemble.Result, error) {
		return build(c.Context, h, s, locate, show)
	})
}

// publishes shows a build, and what one does with its images.
func (a *app) publishes(c *cli.Context, run func(event.Sink) (*assemble.Result, error)) error {
	result, err := shown(a, c, run)
	if err != nil || c.Bool("json") {
		return err
	}
	if a.Events != nil || !c.Bool("verbose") {
		result.Next.Boot = nil // it is of the host that made it; and ten lines long
	}
	if !c.Bool("quiet") {
		printNext(a.Err, result)
	}
	for _, path := range append([]string{result.Out}, result.Also...) {
		fmt.Fprintln(a.Product, path)
	}
	return nil
}

// printNext says what was made, who may log in, and what one does with it.
func printNext(w io.Writer, r *assemble.Result) {
	n := r.Next
	if i := r.Image; i != nil {
		fmt.Fprintf(w, "\nmade        %s: %s for %s, %s of %s with a disk of %s\n", r.Out, strings.TrimSpace(i.Product+" "+i.Version), i.Arch, i.Format, size.Text(i.Output.Size), size.Text(i.Virtual))
	}
	if len(r.Also) > 0 {
		fmt.Fprintf(w, "also        %s\n", strings.Join(r.Also, ", "))
	}
	logins := strings.Join(n.Logins, " or ")
	fmt.Fprintf(w, "log in as   %s\n", cmp.Or(logins, "not known here: "+proc.Quote([]string{"imgasm", "inspect", r.Out})+" lists the users that stand in the image"))
	if n.Image != "" {
		fmt.Fprintf(w, "run it      %s\n            imgasm ssh, in another terminal, when it is up\n", proc.Quote([]string{"imgasm", "run", n.Image}))
	}
	if len(n.Boot) > 0 {
		fmt.Fprintf(w, "by hand     %s\n            (the console is on the terminal; Ctrl-A X ends QEMU; the image stays as it is)\n", proc.Quote(n.Boot))
		if len(n.SSH) > 0 {
			fmt.Fprintf(w, "            %s\n", proc.Quote(n.SSH))
		}
	}
}

// build gets the ISO, plans and runs.
func build(ctx context.Context, h host.Host, s alma.Spec, locate locator, show event.Sink) (*assemble.Result, error) {
	if err := s.Check(ctx, h); err != nil {
		return nil, err
	}
	iso, err := locate(ctx, s, show)
	if err != nil {
		return nil, err
	}
	plan, err := alma.Resolve(ctx, h, s, iso)
	if err != nil {
		return nil, err
	}
	return plan.Run(ctx, show)
}

// dryRun prints the plan. An ISO that is not here yet is named and not fetched:
// what it says of itself is not known then, and the plan ends there. A locator
// of the verb's own is used, with a display of its own.
func (a *app) dryRun(c *cli.Context, h host.Host, s alma.Spec, locate locator) (err error) {
	ctx := c.Context
	if err := s.Check(ctx, h); err != nil {
		return err
	}
	var iso *alma.Installer
	var release *source.Release
	if locate != nil {
		iso, err = shown(a, c, func(show event.Sink) (*alma.Installer, error) { return locate(ctx, s, show) })
	} else {
		iso, release, err = s.Find(ctx, h)
	}
	if err != nil {
		return err
	}
	if release != nil {
		if c.Bool("json") {
			return json.NewEncoder(a.Product).Encode(map[string]any{"fetch": release})
		}
		fmt.Fprintf(a.Out, "fetch        %s\nfrom         %s\nSHA-256      %s\n\nThe rest of the plan depends on what is on it: fetch it with imgasm source fetch, and ask again.\n",
			release.Name, strings.Join(release.URLs, "\n             "), release.SHA256)
		return nil
	}
	plan, err := alma.Resolve(ctx, h, s, iso)
	if err != nil {
		return err
	}
	return a.printPlan(plan.View(), c.Bool("json"), c.Bool("verbose"))
}

// printPlan writes a plan to stdout.
func (a *app) printPlan(v alma.PlanView, asJSON, verbose bool) error {
	if asJSON {
		return a.printJSON(v)
	}
	w := a.Out
	fw := "BIOS"
	if v.Firmware != nil {
		fw = v.Firmware.String()
	}
	fmt.Fprintf(w, "installer    %s (volume %q)\n", v.Installer.Path, v.Installer.Label)
	for _, t := range v.Images {
		fmt.Fprintf(w, "output       %s (%s), described in %s\n", t.Path, t.Format, assemble.Description(t.Path))
	}
	fmt.Fprintf(w, "accelerator  %s: %s\n", v.Accel.Accel, v.Accel.Reason)
	fmt.Fprintf(w, "machine      %s, %s (%s), %d MiB, disk %s\n", v.QEMU, counts(v.CPUs, "processor", 0, ""), v.Accel.CPU, v.MemoryMiB, size.Format(v.DiskSize))
	fmt.Fprintf(w, "firmware     %s\n", fw)
	fmt.Fprintf(w, "network      %s\n", v.Network)
	delivered := map[string]string{"oemdrv": "on an OEMDRV volume", "initrd": "in the initrd", "both": "in the initrd and on an OEMDRV volume"}
	strict := ""
	if v.KSStrict {
		strict = "; what the installer warns of is an error"
	}
	fmt.Fprintf(w, "kickstart    %s, %s%s\n", v.KickstartFrom, delivered[v.Deliver], strict)
	fmt.Fprintf(w, "console      %s\n", v.ConsoleMode)
	printDefaults(w, v.Defaults)
	fmt.Fprintf(w, "timeout      %s\n\nsteps\n", shortTime(time.Duration(v.Timeout*float64(time.Second))))
	for n, s := range v.Steps {
		fmt.Fprintf(w, "  %2d  %-11s %s\n", n+1, s.Name, ui.Line(s.Text))
	}
	fmt.Fprintf(w, "\nkernel arguments\n  %s\n", ui.Line(v.KernelArgs))
	fmt.Fprintf(w, "\nkickstart (secrets left out)\n")
	lines := strings.Split(strings.TrimSuffix(v.Kickstart, "\n"), "\n")
	shown := lines
	if !verbose {
		shown = lines[:min(v.OwnLines, len(lines))]
	}
	for _, line := range shown {
		fmt.Fprintln(w, strings.TrimRight("  "+line, " \r"))
	}
	if rest := len(lines) - len(shown); rest > 0 {
		fmt.Fprintf(w, "  … and %d lines of imgasm's that report on the installation; -v shows them\n", rest)
	}
	fmt.Fprintf(w, "\nQEMU's command (the files are there during a build, and after one with --keep)\n  %s\n", ui.Line(v.CommandLine()))
	for _, n := range v.Cautions {
		fmt.Fprintf(w, "\nWARNING: %s\n         %s\n", ui.Line(n.Text), ui.Line(n.Do))
	}
	for _, n := range v.Notes {
		fmt.Fprintf(w, "\nnote: %s\n", ui.Line(n))
	}
	return nil
}
