package arrows

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/kickstart"
)

// option is how a flag begins, in a text: "--iso PATH".
var option = regexp.MustCompile(`(?:^|[^\w-])(--[a-z][\w-]*)`)

// command is one of imgasm, which a hint may be: "imgasm source list --available".
var command = regexp.MustCompile(`imgasm [a-z ]+ --[a-z-]+`)

// foreign are options of other programs than imgasm, by file.
var foreign = map[string][]string{
	"assemble/anaconda/rules_installer.go": {"--xtimeout"},                                                                                // anaconda's own
	"assemble/anaconda/rules_stage1.go":    {"--cmdline"},                                                                                 // anaconda's own
	"assemble/rehearsal/build.go":          {"--no-floppy", "--set"},                                                                      // GRUB's
	"assemble/remote/dial.go":              {"--version"},                                                                                 // imgasm's, on another host
	"assemble/rpmdb/rpmdb.go":              {"--define", "--rebuilddb"},                                                                   // rpm's
	"assemble/verify/inside.go":            {"--failed", "--full", "--lines", "--long", "--no-legend", "--no-pager", "--plain", "--wait"}, // cloud-init's and systemd's
	"assemble/nixdisk/contents.go":         {"--repair-path"},                                                                             // nix's
	"assemble/nixdisk/nixdisk.go":          {"--print-out-paths"},                                                                         // nix's
	"kickstart/lint_packages.go":           {"--nodefaults", "--optional"},                                                                // of a group in %packages
	"kickstart/redact.go":                  {"--activationkey", "--bindpw", "--key", "--krb5pass", "--one-time-password"},                 // other programs' secrets
	"kickstart/redact_text.go":             {"--proxy-user"},                                                                              // curl's
	"kickstart/render/reporting_script.go": {"--qf"},                                                                                      // rpm's
	"nixglue/argv.go": {"--apply", "--builders", "--dry-run", "--eval-store", "--extra-experimental-features", "--from", "--impure", "--json", "--json-format", "--log-format",
		"--max-jobs", "--no-check-sigs", "--no-link", "--no-write-lock-file", "--offline", "--option", "--out-link", "--override-input", "--recursive", "--serve", "--store", "--system", "--to"}, // nix's
	"nixglue/archives.go":  {"--repair-path"},                                                                 // nix's
	"nixglue/errors.go":    {"--version"},                                                                     // nix's
	"nixglue/hint.go":      {"--eval", "--extra-experimental-features", "--read-log", "--store", "--version"}, // nix's
	"nixglue/nix.go":       {"--json-format", "--version"},                                                    // nix's
	"qemu/accel/device.go": {"--device"},                                                                      // podman's and docker's
	"qemu/errors.go":       {"--version"},                                                                     // QEMU's
}

// Libraries name fields: flags are the command's. A kickstart's options are no flags.
func TestLibrariesNameNoFlags(t *testing.T) {
	known := map[string]bool{}
	know := func(options []kickstart.OptionSpec) {
		for _, o := range options {
			for _, name := range o.Names {
				known[name] = true
			}
		}
	}
	for _, c := range kickstart.Commands() {
		know(c.Options)
	}
	for _, s := range kickstart.Sections() {
		know(s.Options)
	}
	seen := 0
	eachFile(t, func(path string, f *ast.File) {
		path = filepath.ToSlash(path)
		if strings.HasPrefix(path, "cmd/") {
			return
		}
		seen++
		ast.Inspect(f, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Errorf("%s: %s: %v", path, literal.Value, err)
			}
			for _, m := range option.FindAllStringSubmatch(command.ReplaceAllString(text, ""), -1) {
				if !known[m[1]] && !slices.Contains(foreign[path], m[1]) {
					t.Errorf("%s: %q has the flag %s: name the field, as in {Mirror}", path, text, m[1])
				}
			}
			return true
		})
	})
	if seen == 0 {
		t.Error("no file was looked at")
	}
}

// What a caller can do about an error stands in one form, fault.Error: no type
// of error has advice of its own.
func TestErrorsHaveOneForm(t *testing.T) {
	type methods struct{ isError, advises bool }
	types := map[string]methods{}
	eachFile(t, func(path string, f *ast.File) {
		dir := filepath.ToSlash(filepath.Dir(path)) + "/"
		if strings.HasPrefix(dir, "cmd/") || dir == "internal/fault/" {
			return
		}
		for _, d := range f.Decls {
			d, ok := d.(*ast.FuncDecl)
			if !ok || d.Recv == nil || !exportedReceiver(d) {
				continue
			}
			of := d.Recv.List[0].Type
			if star, ok := of.(*ast.StarExpr); ok {
				of = star.X
			}
			name := dir + of.(*ast.Ident).Name
			m := types[name]
			m.isError = m.isError || d.Name.Name == "Error"
			m.advises = m.advises || slices.Contains([]string{"Hint", "Do", "Advice"}, d.Name.Name)
			types[name] = m
		}
	})
	errors := 0
	for name, m := range types {
		if m.isError {
			errors++
		}
		if m.isError && m.advises {
			t.Errorf("%s is an error that advises: make it a class of errors (fault.Class)", name)
		}
	}
	if errors == 0 {
		t.Error("no type of error was seen")
	}
}
