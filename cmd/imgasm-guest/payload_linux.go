// The software, the boot loader and the initramfs.

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/imgasm/imgasm/assemble/rehearsal/failures"
	"github.com/imgasm/imgasm/kickstart"
)

func (i *installer) installPackages() error {
	i.noteForeignPackages()
	if i.fail == failures.PackageMissing {
		return &cmdlineError{"Non interactive installation failed: Some packages, groups or modules are missing.\n\nProblems in request:\nmissing packages: no-such-package"}
	}
	i.con.Anaconda("Downloading packages")
	i.con.Anaconda("Preparing transaction from installation source")
	all := i.stage2.packages
	for k, p := range all {
		i.con.Anaconda(fmt.Sprintf("Installing %s (%d/%d)", p.nameArch(), k+1, len(all)))
		if k == len(all)/2 {
			i.at(atPackages)
		}
		if i.fail == failures.DiskFull && k == len(all)/2 {
			return &cmdlineError{"Non interactive installation failed: An error occurred during the transaction: installing package " + p.nevra + " needs 412MB more space on the / filesystem"}
		}
		if i.fail == failures.Slow {
			pause := 3 * time.Second
			if k == len(all)/2 {
				pause = 20 * time.Second
			}
			time.Sleep(pause)
		}
		if err := p.install(sysimage, repo); err != nil {
			if errors.Is(err, unix.ENOSPC) {
				return &cmdlineError{"Non interactive installation failed: An error occurred during the transaction: installing package " + p.nevra + " needs more space on the / filesystem: " + err.Error()}
			}
			return &cmdlineError{"Non interactive installation failed: An error occurred during the transaction: " + err.Error()}
		}
		i.nevras = append(i.nevras, p.nevra)
		i.log.Line("INFO", "anaconda", fmt.Sprintf("dnf: Installed: %s %d %s", p.nevra, time.Now().Unix(), strings.Repeat("0", 8)))
	}
	list := filepath.Join(sysimage, packageList)
	os.MkdirAll(filepath.Dir(list), 0o755)
	if err := os.WriteFile(list, []byte(strings.Join(i.nevras, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	i.con.Anaconda("Performing post-installation setup tasks")
	i.con.Anaconda("Configuring " + all[0].nameArch())
	if i.fail == failures.Scriptlet {
		return &cmdlineError{"Non interactive installation failed: An error occurred during the transaction: Error in POSTIN scriptlet in rpm package badpost"}
	}
	return nil
}

// noteForeignPackages says which packages of the kickstart the rehearsal cannot install.
func (i *installer) noteForeignPackages() {
	var names []string
	for _, s := range i.ks.Sections("%packages") {
		for _, n := range s.Body {
			if e, ok := n.(*kickstart.Entry); ok && !e.Exclude {
				names = append(names, strings.TrimSpace(e.Text()))
			}
		}
	}
	if len(names) > 0 {
		i.con.Anaconda("rehearsal: these are noted, not installed: " + strings.Join(names, ", "))
	}
}

// esp is where the EFI system partition is mounted, empty if there is none.
func (i *installer) esp() string {
	for _, p := range i.plan.Partitions {
		if p.Mount == "/boot/efi" {
			return sysimage + p.Mount
		}
	}
	return ""
}

func (i *installer) installBootloader() error {
	if i.fail == failures.Bootloader {
		return &cmdlineError{"The following error occurred while installing the boot loader. The system will not be bootable. Would you like to ignore this and continue with installation?\n\nfailed to write boot loader configuration"}
	}
	esp := i.esp()
	if esp == "" {
		i.con.Anaconda("rehearsal: no boot loader is installed for BIOS; the disk will not boot by itself")
		return nil
	}
	// /boot's own file system, or the root's with its folder in front.
	uuid, prefix := i.roots["/boot"], ""
	if uuid == "" {
		uuid, prefix = i.roots["/"], "/boot"
	}
	append, timeout := "", 1
	for _, c := range i.commands {
		if c.Name() != "bootloader" {
			continue
		}
		a, _ := kickstart.Decode(c, kickstart.AlmaLinux10)
		if v, ok := a.String("--append"); ok {
			append = v
		}
		if v, ok := a.Int("--timeout"); ok {
			timeout = v
		}
	}
	files := map[string]string{
		filepath.Join(sysimage, "boot/grub2/grub.cfg"): grubMenu(grubEntry{
			title: "imgasm rehearsal " + productVersion + " (" + i.release + ")", bootUUID: uuid, prefix: prefix,
			release: i.release, args: kernelArgs(i.roots["/"], i.args.consoles(), append), timeout: timeout,
		}),
		filepath.Join(esp, i.stage2.grubPrefix, "grub.cfg"): grubStub(uuid, prefix+"/grub2"),
	}
	for path, text := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return &cmdlineError{err.Error()}
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return &cmdlineError{err.Error()}
		}
	}
	return nil
}

// writeInitramfs gives the installed system the initial RAM file system of the
// medium: the guest in it is both.
func (i *installer) writeInitramfs() error {
	to := filepath.Join(sysimage, "boot", "initramfs-"+i.release+".img")
	if err := copyFile(filepath.Join(repo, "images/pxeboot/initrd.img"), to, fs.FileMode(0o600)); err != nil {
		return &cmdlineError{err.Error()}
	}
	i.con.Anaconda("...")
	return nil
}
