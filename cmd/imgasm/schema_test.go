package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	reflected "github.com/invopop/jsonschema"
	judge "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/alma"
	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/anaconda/replay"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/nixos"
	"github.com/imgasm/imgasm/assemble/remote"
	"github.com/imgasm/imgasm/assemble/verify"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/golden"
	"github.com/imgasm/imgasm/kickstart"
)

// published are the types that programs read, by the names of their schemas.
var published = map[string]struct {
	version string
	title   string
	of      any
}{
	"checks":     {"1", "imgasm verify --json", verify.Report{}},
	"doctor":     {"1", "imgasm doctor --json", host.Checkup{}},
	"event":      {"1", "a line of a build with --json, or of events.jsonl; of any verb that fails the last", event.Event{}},
	"failure":    {"1", "failure.json in a failure bundle", anaconda.Failure{}},
	"findings":   {"1", "imgasm lint --json", []kickstart.Finding{}},
	"image":      {"1", "IMAGE.json, the description beside an image", assemble.Image{}},
	"jobs":       {"1", "imgasm remote list --json, or clean --json", []remote.Job{}},
	"machines":   {"1", "imgasm ps --json", []machineJSON{}},
	"nixos-plan": {"1", "imgasm nixos --dry-run --json", nixos.PlanView{}},
	"plan":       {"1", "imgasm alma or rehearse --dry-run --json; plan.json in a failure bundle", alma.PlanView{}},
	"result":     {"1", "the last lines of imgasm build --json, one a target", targetResult{}},
	"target":     {"1", "a line of imgasm build --list --json", targetLine{}},
	"verdict":    {"1", "the last line of imgasm replay --json", replay.Line{}},
}

// schemaOf makes the schema of a type; strict allows no other fields.
func schemaOf(t testing.TB, name string, strict bool) []byte {
	t.Helper()
	p := published[name]
	r := &reflected.Reflector{AllowAdditionalProperties: !strict, Anonymous: true,
		Mapper: func(t reflect.Type) *reflected.Schema {
			if t == reflect.TypeFor[json.RawMessage]() {
				return reflected.TrueSchema
			}
			if t.Kind() != reflect.Struct && t.Implements(reflect.TypeFor[json.Marshaler]()) { // a phase
				return &reflected.Schema{Type: "string"}
			}
			return nil
		},
		Namer: func(t reflect.Type) string {
			if t.Name() == "" {
				return ""
			}
			return path.Base(t.PkgPath()) + "." + t.Name()
		}}
	if !strict {
		r.CommentMap = comments(t)
	}
	s := r.Reflect(p.of)
	s.ID = reflected.ID("urn:imgasm:" + name + ":" + p.version)
	s.Title = p.title
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// comments are those of the types and their fields.
func comments(t testing.TB) map[string]string {
	t.Helper()
	if said != nil {
		return said
	}
	var r reflected.Reflector
	t.Chdir("../..") // the names of packages are those of folders
	for _, dir := range []string{"assemble", "cmd/imgasm", "firmware", "internal/event", "kickstart", "nixglue", "qemu"} {
		if err := r.AddGoComments("github.com/imgasm/imgasm", dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir("cmd/imgasm")
	said = r.CommentMap
	return said
}

var said map[string]string

func compiled(t testing.TB, text []byte) *judge.Schema {
	t.Helper()
	doc, err := judge.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := judge.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var validators = map[string]*judge.Schema{}

// fits checks what imgasm has printed or written against a schema, as a validator
// reads it that we did not write. No field may be there that the schema lacks.
func fits(t testing.TB, name string, text []byte) {
	t.Helper()
	value, err := judge.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, text)
	}
	if validators[name] == nil {
		validators[name] = compiled(t, schemaOf(t, name, true))
	}
	if err := validators[name].Validate(value); err != nil {
		t.Errorf("%s: %v\n%.2000s", name, err, text)
	}
}

// linesFit is fits for each line.
func linesFit(t *testing.T, name, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		fits(t, name, []byte(line))
	}
}

func TestSchemas(t *testing.T) {
	s := session{t, map[string]string{"IMGASM_CACHE": t.TempDir(), "PATH": os.Getenv("PATH")}}
	code, list, _ := s.run("schema")
	for name, p := range published {
		golden.Check(t, "../schemas/"+name+".json", schemaOf(t, name, false))
		if *golden.Update {
			continue // what is embedded is not that
		}
		_, text, _ := s.run("schema", name)
		compiled(t, []byte(text))
		if code != 0 || !strings.Contains(list, name) || !strings.Contains(list, p.title) {
			t.Errorf("imgasm schema does not list %s: %d\n%s", name, code, list)
		}
	}
	if files, err := schemas.ReadDir("schemas"); err != nil || len(files) != len(published) {
		t.Errorf("%d files of %d schemas, %v", len(files), len(published), err)
	}
	if code, out, errs := s.run("schema", "evnt"); code != exitInput || out != "" || !strings.Contains(errs, "there are checks, doctor, event,") {
		t.Errorf("a schema that is not there: %d\n%s%s", code, out, errs)
	}
}

// What the verbs print fits. What builds print and write is looked at where the
// tests have some: fits.
func TestOutputsFitSchemas(t *testing.T) {
	s := session{t, map[string]string{"IMGASM_CACHE": t.TempDir(), "PATH": os.Getenv("PATH")}}
	_, out, _ := s.run("doctor", "--json")
	fits(t, "doctor", []byte(out))
	_, out, _ = s.run("ps", "--json")
	fits(t, "machines", []byte(out))
	ks := filepath.Join(t.TempDir(), "ks.cfg")
	if err := os.WriteFile(ks, []byte("text\nfoo\nrootpw secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, out, _ = s.run("kickstart", "lint", "--json", ks)
	fits(t, "findings", []byte(out))
	logs, err := filepath.Glob("../../testdata/serial/failure-*.raw")
	if err != nil || len(logs) == 0 {
		t.Fatal("no recorded consoles", err)
	}
	_, out, _ = s.run("replay", "--json", logs[0])
	lines := strings.SplitAfter(strings.TrimSpace(out), "\n")
	fits(t, "verdict", []byte(lines[len(lines)-1]))
	for _, wrong := range [][]string{{"ps", "--foo"}, {"frob"}, {"alma", "--iso", "/none"}, {"convert", "/none", "x.qcow2"}, {"image", "info", "/none"}, {"build", "-f", "/none"}} {
		code, out, errs := s.run(append(wrong, "--json")...)
		linesFit(t, "event", out)
		if code == 0 || !strings.Contains(out, `"kind":"error"`) || strings.Count(out, `"kind":"error"`) != strings.Count(errs, "imgasm: error:") {
			t.Errorf("%v: %d\n%s%s", wrong, code, out, errs)
		}
	}
}
