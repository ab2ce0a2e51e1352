package render

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/kickstart"
)

// The script of a copy, run by the host's shell and coreutils: the volume, its
// mount and the labels are stand-ins.
func TestCopied(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("runs GNU coreutils")
	}
	dir := t.TempDir()
	root, volume, bin := filepath.Join(dir, "root"), filepath.Join(dir, "volume"), filepath.Join(dir, "bin")
	write := func(path, text string, mode fs.FileMode) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	labels := filepath.Join(dir, "labels")
	write(bin+"/mount", "#!/bin/sh\n[ \"$*\" = \"-o ro LABEL=OEMDRV $4\" ] && cp -a "+volume+"/. \"$4\"\n", 0o755)
	write(bin+"/umount", "#!/bin/sh\nrm -r \"$1\" && mkdir \"$1\"\n", 0o755)
	write(bin+"/restorecon", "#!/bin/sh\nfor f; do realpath -s \"$f\"; done >>"+labels+"\n[ \"$1\" != "+dir+" ]\n", 0o755)
	write(volume+"/copy/1", "hello\n", 0o640)
	write(volume+"/copy/2/etc/tool.conf", "new\n", 0o604)
	write(volume+"/copy/2/bin/it's a tool", "#!", 0o755)
	if err := os.Chmod(volume+"/copy/2/etc", 0o777); err != nil {
		t.Fatal(err)
	}
	write(root+"/etc/tool.conf", "old\n", 0o600)
	write(root+"/elsewhere", "untouched\n", 0o600)
	if err := errors.Join(os.Chmod(root+"/etc", 0o711), os.Symlink("../elsewhere", root+"/etc/link"),
		os.MkdirAll(root+"/usr/bin", 0o755), os.Symlink("usr/bin", root+"/bin"), // as they are in EL
		os.Mkdir(volume+"/copy/2/empty", 0o755), os.Chmod(volume+"/copy/2/empty", 0o771)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []Copied{
		{From: "copy/1", Name: "mo'td", To: root + "/etc"},
		{From: "copy/1", Name: "motd", To: root + "/etc/link"},
		{From: "copy/1", Name: "motd", To: root + "/new/place/"},
		{From: "copy/2", Name: "tree", To: root + "/", Folder: true, Links: [][2]string{{"etc/dash", "-v"}, {"etc/l'ink", "tool.conf"}}},
	} {
		s, err := c.Script()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("sh", "-c", s.Text)
		cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "TMPDIR=" + dir}
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("%s: %v: %s\n%s", s.Name, err, out, s.Text)
		}
	}
	var got strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text, _ := os.ReadFile(path)
		got.WriteString(info.Mode().String() + " " + strings.TrimPrefix(path, root) + " " + strings.TrimSpace(string(text)) + "\n")
		return nil
	})
	want := `drwxr-xr-x  
Lrwxrwxrwx /bin 
-rw------- /elsewhere untouched
drwxrwx--x /empty 
drwx--x--x /etc 
Lrwxrwxrwx /etc/dash 
Lrwxrwxrwx /etc/l'ink new
-rw-r----- /etc/link hello
-rw-r----- /etc/mo'td hello
-rw----r-- /etc/tool.conf new
drwxr-xr-x /new 
drwxr-xr-x /new/place 
-rw-r----- /new/place/motd hello
drwxr-xr-x /usr 
drwxr-xr-x /usr/bin 
-rwxr-xr-x /usr/bin/it's a tool #!
`
	if err != nil || got.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", err, &got, want)
	}
	labelled, err := os.ReadFile(labels)
	for _, path := range []string{"/new", "/new/place/motd", "/etc/mo'td", "/bin/it's a tool", "/etc/l'ink"} {
		if !bytes.Contains(labelled, []byte(root+path+"\n")) {
			t.Errorf("%s has no label: %v\n%s", path, err, labelled)
		}
	}
	if left, _ := filepath.Glob(dir + "/tmp.*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCopiedRefuses(t *testing.T) {
	for _, to := range []string{"", "etc/motd", "/etc/../motd", "/etc//motd", "/etc/./motd", "/etc/mo\ntd"} {
		if _, err := (Copied{From: "copy/1", Name: "motd", To: to}).Script(); !errors.Is(err, ErrOption) {
			t.Errorf("%q: %v", to, err)
		}
	}
}

// Scripts stand behind the user's file, which stays as it is, and are named.
func TestAddScripts(t *testing.T) {
	own := "lang en_US.UTF-8\n%post\ntrue\n%end"
	f, err := kickstart.Parse("my.ks", []byte(own))
	if err != nil {
		t.Fatal(err)
	}
	got, err := AddScripts(f, []Script{{Name: "a.sh", Text: "echo a"}, {Name: "b.py", Text: "#!/usr/bin/python3\n"}})
	want := own + "\n\n# From a.sh.\n%post --erroronfail\necho a\n%end\n\n# From b.py.\n%post --erroronfail --interpreter=/usr/bin/python3\n#!/usr/bin/python3\n%end\n"
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	if ScriptName("# From a.sh.") != "a.sh" || ScriptName("# From a.sh") != "" {
		t.Error("the comment does not name the script")
	}
	if none, err := AddScripts(f, nil); err != nil || string(none) != own {
		t.Errorf("without scripts: %v: %q", err, none)
	}
	if _, err := AddScripts(f, []Script{{Text: "echo\n%end\n"}}); !errors.Is(err, ErrOption) {
		t.Errorf("a script that ends its section: %v", err)
	}
}
