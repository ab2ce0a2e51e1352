// What imgasm inspect tells people: one screen.

package main

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/size"
)

// report writes a report. t is nil if there are no files.
func (a *app) report(r inspectReport, t *inspect.Tree) error {
	w := a.Table()
	w.Row("image", fmt.Sprintf("%s, %s of %s", r.Path, r.Format, size.Text(r.SizeBytes)))
	rows(w, "boots by", orNone(r.Boots))
	if r.System != nil {
		reportSystem(w, r.System, r.NoTree)
	} else {
		w.Row("files", "none: "+r.NoTree)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return a.reportVolumes(r.Image, t)
}

// rows writes a section: its name, and a line for each text.
func rows(w *ui.Table, name string, lines []string) {
	for _, line := range lines {
		w.Row(name, line)
		name = ""
	}
}

func orNone(lines []string) []string {
	if len(lines) == 0 {
		return []string{"none"}
	}
	return lines
}

// reportSystem tells of a system what its files say; of one that cannot be read, for
// the reason why, only what would start.
func reportSystem(w *ui.Table, s *inspect.System, why string) {
	name := s.Name()
	switch {
	case why != "":
		name = "unknown: " + why
	case s.OS == nil:
		name = "unknown: no /etc/os-release"
	case name == "":
		name = "unknown: /etc/os-release does not name it"
	}
	if s.Hostname != "" {
		name += ", host name " + s.Hostname
	}
	w.Row("system", name)
	rows(w, "kernels", each(s.Kernels, kernelLine))
	rows(w, "boot entries", each(s.BootEntries, func(e inspect.BootEntry) string {
		title := cmp.Or(e.Title, path.Base(e.Path))
		return title + problem(e.Problem)
	}))
	if len(s.BootConfig) > 0 {
		w.Row("boot config", strings.Join(s.BootConfig, ", "))
	}
	rows(w, "loaders", each(s.Loaders, func(l inspect.Loader) string {
		kind := cmp.Or(l.Arch, "no EFI executable")
		return fmt.Sprintf("%s (%s, %s)", l.Path, kind, size.Text(l.Bytes))
	}))
	if why == "" {
		reportFstab(w, s.Fstab)
		reportUsers(w, s.Users)
		if s.PackageManager != "" {
			w.Row("packages", packagesLine(s))
		}
		rows(w, "left behind", orNone(each(s.Left, func(l inspect.Leftover) string { return l.Path + ": " + l.Why })))
	}
	rows(w, "not read", s.Unread)
}

func packagesLine(s *inspect.System) string {
	var bytes int64
	for _, p := range s.Packages {
		bytes += p.Bytes
	}
	return fmt.Sprintf("%d (%s), %s installed", len(s.Packages), s.PackageManager, size.Text(bytes))
}

func each[T any](list []T, text func(T) string) []string {
	var all []string
	for _, v := range list {
		all = append(all, text(v))
	}
	return all
}

func problem(text string) string {
	if text == "" {
		return ""
	}
	return " -- wrong: " + text
}

func kernelLine(k inspect.Kernel) string {
	var lacks []string
	if k.Image == "" {
		lacks = append(lacks, "no image in /boot")
	}
	if k.Initrd == "" {
		lacks = append(lacks, "no initrd")
	}
	if !k.Modules {
		lacks = append(lacks, "no modules")
	}
	if lacks == nil {
		return k.Version
	}
	return k.Version + " (" + strings.Join(lacks, ", ") + ")"
}

func reportFstab(w *ui.Table, entries []inspect.FstabEntry) {
	var wrong []string
	for _, e := range entries {
		if e.Problem != "" {
			wrong = append(wrong, fmt.Sprintf("line %d, %s %s%s", e.Line, e.Spec, e.Point, problem(e.Problem)))
		}
	}
	switch {
	case entries == nil:
		w.Row("fstab", "none")
	case wrong == nil:
		w.Row("fstab", fmt.Sprintf("%d entries, each names what is there", len(entries)))
	default:
		rows(w, "fstab", wrong)
	}
}

// reportUsers names those who can log in, and people who cannot.
func reportUsers(w *ui.Table, users []inspect.User) {
	var lines []string
	for _, u := range users {
		person := u.UID == 0 || u.UID >= 1000 && u.UID < 60000 // UID_MIN and UID_MAX of login.defs
		if !u.CanLogin() && !person {
			continue
		}
		text := u.Name
		if len(u.Groups) > 0 {
			text += " (" + strings.Join(u.Groups, ", ") + ")"
		}
		text += ": password " + u.Password
		if u.Password == "none needed" {
			text = strings.TrimSuffix(text, u.Password) + "empty, none is needed"
		}
		switch n := len(u.Keys); {
		case n == 1:
			text += ", key " + u.Keys[0]
		case n > 1:
			text += fmt.Sprintf(", %d keys", n)
		}
		if !u.CanLogin() {
			text += "; cannot log in"
		}
		lines = append(lines, text)
	}
	rows(w, "users", orNone(lines))
}

func (a *app) reportVolumes(m *inspect.Image, t *inspect.Tree) error {
	table := "no partition table"
	if m.Table != "" {
		table = fmt.Sprintf("%s %s", m.Table, m.DiskGUID)
	}
	if m.Backup {
		table += ", of which only the backup is whole"
	}
	fmt.Fprintf(a.Out, "\n%s\n", table)
	w := a.Table()
	if len(m.Volumes) > 0 {
		w.Row("  #", "start", "size", "type", "holds", "label", "uuid", "mounted at")
	}
	for i := range m.Volumes {
		v := &m.Volumes[i]
		number, kind, typ, at := fmt.Sprintf("%3d", v.Number), v.Kind, v.PartTypeName(), mountedAt(t, v)
		switch {
		case v.Number == 0 && v.LV != "":
			number = ""
		case v.Number == 0:
			number = "all"
		}
		typ = cmp.Or(v.LV, typ, v.PartType)
		if kind == "" {
			kind = "?"
		}
		if v.Unclean {
			kind += ", not unmounted"
		}
		if v.Unread != "" && t != nil && at == "" {
			at = "(" + v.Unread + ")"
		}
		w.Row(number, size.Text(v.StartBytes), size.Text(v.SizeBytes), typ, kind, v.Label, v.UUID, at)
	}
	return w.Flush()
}

// mountedAt is where a volume is in the tree, "" if it is not.
func mountedAt(t *inspect.Tree, v *inspect.Volume) string {
	if t == nil {
		return ""
	}
	for _, m := range t.Mounts {
		if m.Volume == v {
			return "/" + m.Point
		}
	}
	return ""
}
