package nixdisk

// systemd-boot's files, as NixOS's own installer of it writes them: the script
// systemd-boot-builder.py, which is in the closure with the settings that no
// other file has. NixOS 25.05 to 26.11 were looked at.

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// installer ends the name of the store path that calls the script.
const installer = "-install-systemd-boot.sh"

// loader is what the script is set to.
type loader struct {
	timeout, consoleMode string
	noEditor, bitLocker  bool
	distribution         string // which entries are called after
	hashed               bool   // entries' files are named after their contents (26.11), not by generation
	flat                 bool   // a file that is a store path has its name once (24.11 and later), not the store's before it
	mountPoint           string // of the EFI system partition; "" if no script says it
}

// TIMEOUT = "5"
// EDITOR = "1" == "1"  # noqa
// BOOT_MOUNT_POINT = Path("/boot")
var setting = regexp.MustCompile(`(?m)^([A-Z_]+) = [^"\n]*"([^"\n]*)"`)

// "/nix/store/…-systemd-boot/bin/systemd-boot", the script; or a script of extra files
var storeFile = regexp.MustCompile(`/[^\s"']*/[0-9a-df-np-sv-z]{32}-[^\s"']*`)

// readLoader finds the script and its settings. A system that never changes has
// none, and gets NixOS's defaults.
func (s *System) readLoader(f *files) error {
	s.loader = loader{timeout: "5", consoleMode: "keep", distribution: "NixOS", flat: true}
	i := slices.IndexFunc(s.closure, isInstaller)
	if i < 0 {
		return nil
	}
	calls, err := f.read(s.closure[i].Path)
	if err != nil {
		return err
	}
	lines := commands(string(calls))
	if len(lines) == 0 {
		return broken("%s calls nothing", s.closure[i].Path)
	}
	if len(lines) > 1 {
		return refuse("no boot.loader.systemd-boot.extraInstallCommands", "commands of its own install its boot loader: %.80s", lines[1])
	}
	name := storeFile.FindString(lines[0])
	script, err := f.read(name)
	if err != nil {
		return err
	}
	return s.readScript(f, string(script))
}

// commands are the lines of a shell script that do something.
func commands(script string) (lines []string) {
	for line := range strings.Lines(script) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines
}

func (s *System) readScript(f *files, script string) error {
	l, set := &s.loader, map[string]string{}
	for _, m := range setting.FindAllStringSubmatch(script, -1) {
		if _, twice := set[m[1]]; !twice {
			set[m[1]] = m[2]
		}
	}
	for name, to := range map[string]*string{"TIMEOUT": &l.timeout, "CONSOLE_MODE": &l.consoleMode, "DISTRO_NAME": &l.distribution, "EFI_SYS_MOUNT_POINT": &l.mountPoint} {
		if value := set[name]; value != "" {
			*to = value
		}
	}
	if editor, known := set["EDITOR"]; known {
		l.noEditor = editor != "1"
	}
	l.bitLocker = set["REBOOT_FOR_BITLOCKER"] != ""
	l.hashed = strings.Contains(script, "sha256")
	l.flat = strings.Contains(script, "store_subdir")
	if boot := set["BOOT_MOUNT_POINT"]; boot != "" && boot != l.mountPoint {
		return refuse("no boot.loader.systemd-boot.xbootldrMountPoint", "its kernels are on another partition than the ESP, at %s", boot)
	}
	extra := set["COPY_EXTRA_FILES"]
	if extra == "" {
		return nil
	}
	text, err := f.read(extra)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if lines := commands(string(text)); len(lines) > 0 {
		return refuse("no boot.loader.systemd-boot.extraFiles, extraEntries, extraEfiDrivers, memtest86, netbootxyz, edk2-uefi-shell or windows",
			"there are further files on its EFI system partition: %.200s", lines[0])
	}
	return nil
}

// conf is /loader/loader.conf; entry is the default's file.
func (l loader) conf(entry string) string {
	text := "timeout " + l.timeout + "\ndefault " + entry + "\n"
	if l.noEditor {
		text += "editor 0\n"
	}
	if l.bitLocker {
		text += "reboot-for-bitlocker yes\n"
	}
	return text + "console-mode " + l.consoleMode + "\n"
}

// title is what the boot menu shows of a system.
func (l loader) title(b bootable) string {
	if b.specialisation == "" {
		return l.distribution
	}
	return l.distribution + " (" + b.specialisation + ")"
}

// espName is where a file of the closure is on the EFI system partition, by its
// path without links.
func (l loader) espName(store, file string) string {
	name := path.Base(file)
	folder, _, inside := strings.Cut(strings.TrimPrefix(file, store+"/"), "/")
	switch {
	case l.flat && inside:
		name = folder + "-" + name
	case !l.flat:
		name = path.Base(path.Dir(file)) + "-" + name
	}
	return "EFI/nixos/" + name + ".efi"
}

// entry is a system's entry and the name of its file, of generation 1; kernel,
// initrd and device tree are their places on the EFI system partition.
func (l loader) entry(b bootable, kernel, initrd, deviceTree string, built time.Time) (name, text string) {
	title := "title " + l.title(b)
	version := fmt.Sprintf("version Generation 1 %s, built on %s", b.label, built.Format(time.DateOnly))
	boot := []string{"linux /" + kernel, "initrd /" + initrd, "options " + strings.Join(append([]string{"init=" + b.init}, b.params...), " ")}
	if deviceTree != "" {
		boot = append(boot, "devicetree /"+deviceTree)
	}
	sortKey := "sort-key " + b.sortKey
	if l.hashed {
		text = strings.Join(append(append([]string{title, version}, boot...), sortKey), "\n")
		return fmt.Sprintf("nixos-%x.conf", sha256.Sum256([]byte(text))), text
	}
	name = "nixos-generation-1"
	if b.specialisation != "" {
		name += "-specialisation-" + b.specialisation
	}
	return name + ".conf", strings.Join(append([]string{title, sortKey, version}, boot...), "\n") + "\n"
}
