// The application: what every verb is given, and the mapping from arguments to
// an exit code. Verbs live in one file each and register in commands.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/fault"
)

// app holds a process's streams and environment, so that verbs can be tested
// without a process.
type app struct {
	stdin io.Reader
	*ui.Streams
	getenv func(string) string
	args   []string // of the command as it was typed
	batch  bool     // nobody is asked for anything on the terminal
	// held are files that are not read from the disk, by their names; "-" is
	// standard input. A job that another host has asked for has them so.
	held map[string][]byte
	told *spoken
	// defaults are the flags that were set without being typed.
	defaults []host.Default
}

// The groups of verbs in --help.
const (
	verbBuild = "Build images"
	verbRun   = "Run them"
	verbLook  = "Look at images and failures"
	verbMake  = "Write images, media and kickstart files"
	verbHost  = "See to this host"
)

// commands lists the verbs, in the order of --help.
func (a *app) commands() []*cli.Command {
	return []*cli.Command{
		almaCommand(a),
		nixosCommand(a),
		buildCommand(a),
		rehearseCommand(a),
		runCommand(a),
		sshCommand(a),
		scpCommand(a),
		sshConfigCommand(a),
		psCommand(a),
		consoleCommand(a),
		logsCommand(a),
		screenshotCommand(a),
		stopCommand(a),
		killCommand(a),
		verifyCommand(a),
		doctorCommand(a),
		configCommand(a),
		convertCommand(a),
		inspectCommand(a),
		imageCommand(a),
		cpCommand(a),
		diffCommand(a),
		limaCommand(a),
		kickstartCommand(a),
		alsoHere(kickstartLintCommand(a)),
		alsoHere(kickstartFmtCommand(a)),
		replayCommand(a),
		reportCommand(a),
		schemaCommand(a),
		sourceCommand(a),
		cacheCommand(a),
		firmwareCommand(a),
		mediaCommand(a),
		remoteCommand(a),
		superviseCommand(a),
		targetCommand(a),
		remoteServeCommand(a),
		remoteJobCommand(a),
		completionCommand(a),
		completeCommand(a),
		manCommand(a),
	}
}

// run is main without the process: arguments and streams in, exit code out.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	a := &app{stdin: stdin, Streams: ui.NewStreams(stdout, stderr, getenv), getenv: getenv, args: args}
	err := a.cli().RunContext(ctx, interspersed(args, a.commands()))
	return a.fail(withCause(ctx, err))
}

// withCause adds the signal that ended ctx to the error that came of it.
func withCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && err != nil && !errors.Is(err, cause) && !guestFailed(err) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

func (a *app) cli() *cli.App {
	usage := func(c *cli.Context, err error, _ bool) error { return a.flagUsage(c, err) }
	commands := a.commands()
	a.strict(commands, usage)
	return &cli.App{
		Name:      "imgasm",
		Usage:     "assemble virtual machine images without Packer",
		UsageText: "imgasm rehearse\nimgasm alma --ssh-key ~/.ssh/id_ed25519.pub --out alma.qcow2",
		Version:   version,
		Commands:  commands,
		Flags:     helpFlags(nil),
		Reader:    a.stdin,
		Writer:    a.Out,
		ErrWriter: a.Err,
		// Slice flags would split their values at commas otherwise.
		DisableSliceFlagSeparator: true,
		HideHelpCommand:           true,
		OnUsageError:              usage,
		// The library would call os.Exit here and skip every defer.
		ExitErrHandler: func(*cli.Context, error) {},
		Action:         a.helped(a.group("imgasm", commands)),
	}
}

// strict gives every command our help and our handling of wrong usage.
func (a *app) strict(commands []*cli.Command, usage cli.OnUsageErrorFunc) {
	for _, c := range commands {
		c.OnUsageError = usage
		c.HideHelpCommand = true
		help := helpFlags(c.Flags)
		if c.Action != nil && hasHabits(c) {
			group := help[0].(cli.CategorizableFlag).GetCategory()
			help = append(help, &cli.BoolFlag{Name: noConfigFlag, Category: group + rare, Usage: "leave out what config.yaml and IMGASM_ variables set"})
		}
		c.Flags = append(c.Flags, help...)
		a.strict(c.Subcommands, usage)
		if c.Action != nil {
			c.Action = a.helped(a.called(c.Action))
		} else {
			c.Action = a.helped(a.group("imgasm "+c.Name, c.Subcommands))
		}
	}
}

// group is the action of a command that is there for its subcommands.
func (a *app) group(name string, commands []*cli.Command) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.NArg() > 0 {
			return noCommand(name, c.Args().First(), commands)
		}
		return a.showHelp(c, false)
	}
}

// fail says what went wrong, with its hint where there is one, and returns the exit code.
func (a *app) fail(err error) int {
	code := exitCode(err)
	if err == nil || code == exitUnread || errors.Is(err, errReported) {
		return code
	}
	e := a.failure(err)
	if !as[toldError](err) && a.forPrograms() {
		d := a.Display(ui.Shown{JSON: true})
		d.Event(e)
		d.Close()
	}
	a.Problem("error", e.Text, e.Hint)
	return code
}

// forPrograms reports whether --json was asked for, also where the flags are wrong
// and nothing has read them.
func (a *app) forPrograms() bool {
	words := a.args
	if i := slices.Index(words, "--"); i >= 0 {
		words = words[:i]
	}
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains([]string{"--json", "-json", "--json=true"}, w) })
}

// hint is what an error advises to do, and where a flag stands that it is about and
// that nobody typed.
func (a *app) hint(err error) string {
	hint := hintOf(err)
	for _, d := range a.defaults {
		if strings.Contains(fault.Text(err, wrongFlag), dashed(d.Flag)) {
			hint = strings.TrimPrefix(hint+"\n"+dashed(d.Flag)+" is set in "+d.From, "\n")
			if slices.Equal(d.Values, []string{"true"}) {
				hint += "; " + dashed(d.Flag) + "=false undoes it"
			}
		}
	}
	return hint
}

// hintOf is what an error advises to do, or "".
func hintOf(err error) string {
	if hint := fault.Fill(fault.Hint(err, flagOf), flagOf); hint != "" {
		return hint
	}
	return fileHint(err)
}

// fieldFlags are the flags for what libraries call fields, with their value as
// hints have it. A field that is no flag of every verb is described.
var fieldFlags = map[string]string{
	"Accel": "--accel", "Arch": "--arch", "Assemble": "--assemble", "Binary": "--qemu PATH", "Boot": "--boot", "Builders": "--builders", "Bundle": "--bundle", "CA": "--ca FILE", "CPUs": "--cpus", "Checksums": "--checksum", "ClusterSize": "--cluster-size", "Compression": "--compression", "Copy": "--copy",
	"ConsoleMode": "--console-mode", "Deliver": "--deliver", "DiskSize": "--disk-size", "ESPBytes": "--esp-size", "Explicit": "--firmware", "Firmware": "--firmware", "Host": "HOST",
	"Flake": "--flake", "For": "--for", "FreeBytes": "--free", "Force": "--force", "Format": "--format", "Formats": "--format", "ISO": "--iso PATH", "Inputs": "--override-input", "ISOChecksum": "--iso-checksum SHA256", "KSStrict": "--ks-strict", "KeepVM": "--keep-vm",
	"KernelArgs": "--kernel-arg", "Keyring": "--keyring FILE", "Kickstart": "--kickstart FILE", "Lock": "--lock", "LockFile": "--lock-file", "Locked": "--locked",
	"MemoryMiB": "--memory", "Mirror": "--mirror URL", "NoVerify": "--no-verify", "Offline": "--offline", "On": "--on", "Out": "--out", "Password": "--password",
	"Post": "--post", "Provenance": "--provenance", "RemoteBinary": "--remote-binary FILE", "Profile": "--profile", "Proxy": "--proxy URL", "Report": "--report", "RootPassword": "--root-password", "SBOM": "--sbom", "SHA256": "--checksum SHA256",
	"SSHKeys": "--ssh-key FILE", "SizeBytes": "--resize", "SecureBoot": "--secure-boot", "SpaceWait": "--enospc-wait", "StallTimeout": "--stall-timeout", "Store": "--on", "Timeout": "--timeout",
	"Check": "--check", "Identity": "--identity FILE", "Login": "--user NAME", "Skip": "--skip",
	"Detach": "--detach", "Name": "--name", "Ports": "--port", "UserData": "--user-data FILE",
	"Console": "--console", "Disk": "--disk", "Hostname": "--hostname", "Keyboard": "--keyboard", "Lang": "--lang", "Packages": "--package", "Repos": "--repo", "Source": "--source", "Timezone": "--timezone",
	"URL": "URL", "Update": "--update", "User": "--user", "Variant": "--variant", "Vault": "--vault URL", "Version": "--version",
}

// flagOf is the flag that stands for a field.
func flagOf(field string) string {
	if flag, ok := fieldFlags[field]; ok {
		return flag
	}
	return field
}

// wrongFlag is the flag that an error is about.
func wrongFlag(field string) string {
	flag, _, _ := strings.Cut(flagOf(field), " ")
	return flag
}
