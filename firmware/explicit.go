// Firmware that the user names: "CODE" or "CODE:VARS".

package firmware

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
)

// SplitNames splits "CODE[:VARS]". A drive letter's colon, as in
// `C:\code.fd:C:\vars.fd`, does not split.
func SplitNames(s string) (code, vars string) {
	m := codeAndVars.FindStringSubmatch(s)
	return m[1], m[2]
}

// codeAndVars: CODE or CODE:VARS. A drive's letter is a part of CODE.
var codeAndVars = regexp.MustCompile(`(?s)^((?:[A-Za-z]:[/\\])?[^:]*):?(.*)$`)

func pairFromNames(q Query, names, source string) (*Pair, error) {
	codeName, varsName := SplitNames(names)
	wrap := func(err error) error {
		e := &fault.Error{Class: ErrUnfit, Do: "imgasm firmware list shows what this host has"}
		if source == "given" {
			e.Field, e.Err = "Explicit", err
		} else {
			e.Err = fmt.Errorf("firmware %s (from the environment variable %s): %w", names, source, err)
		}
		return e
	}
	if codeName == "" {
		return nil, wrap(errors.New("names no code file; give CODE or CODE:VARS"))
	}
	code, err := inspectFile(codeName)
	if err != nil {
		return nil, wrap(err)
	}
	if code.role == roleUnknown {
		// An unfamiliar build may well be good; a text file or a disk is not.
		if code.SizeBytes < 256<<10 {
			return nil, wrap(fmt.Errorf("%d bytes are too few for UEFI firmware", code.SizeBytes))
		}
	}
	var vars *content
	if varsName != "" {
		if vars, err = inspectFile(varsName); err != nil {
			return nil, wrap(err)
		}
	} else {
		vars = companion(q, code)
	}
	p, err := match(q.arch, code, vars, claimsByName(code.Path))
	if err != nil {
		if vars == nil && q.arch.PflashSize == 0 && code.role != roleCombined {
			err = fmt.Errorf("%w: give CODE:VARS", err)
		}
		return nil, wrap(err)
	}
	if q.SecureBoot && !p.SecureBoot {
		if vars == nil || !vars.enrolled {
			return nil, wrap(errors.New("has no Secure Boot keys in its variables: give a template with Microsoft's keys, such as OVMF_VARS_4M.ms.fd"))
		}
		return nil, wrap(errors.New("has Secure Boot keys, but nothing says that the code enforces them: give code whose name says secboot, secure or ms, such as OVMF_CODE_4M.secboot.fd"))
	}
	p.Source = source
	return p, nil
}

// claimsByName is what a code file's name says about Secure Boot, for files
// that no descriptor describes: the code is compressed, so its content cannot
// tell. Keys without such code would be ignored by the firmware.
func claimsByName(codePath string) claims {
	base := strings.ToLower(filepath.Base(codePath))
	for _, p := range places {
		if p.claims.secureBoot && strings.EqualFold(p.code, base) {
			return p.claims
		}
	}
	sec := strings.Contains(base, "secboot") || strings.Contains(base, "secure") || strings.Contains(base, "smm") || strings.Contains(base, ".ms.")
	arm := strings.Contains(base, "aavmf") || strings.Contains(base, "aarch64") || strings.Contains(base, "qemu_efi")
	return claims{secureBoot: sec || arm, smm: sec && !arm}
}

// companion finds the template of variables that belongs to code, beside it:
// by the table, else by the usual changes of name. Nil if there is none that
// fits.
func companion(q Query, code *content) *content {
	dir, base := filepath.Split(code.Path)
	var names []string
	for _, p := range places {
		if p.code == base && p.vars != "" && p.arch == q.Arch {
			names = append(names, p.vars)
		}
	}
	for _, r := range []*strings.Replacer{
		strings.NewReplacer("CODE", "VARS", "code", "vars", ".secboot", ".ms"),
		strings.NewReplacer("CODE", "VARS", "code", "vars"),
		strings.NewReplacer("CODE", "VARS", "code", "vars", ".secboot", ""),
		strings.NewReplacer("_EFI", "_VARS"),
		strings.NewReplacer("QEMU_EFI-silent", "vars-template", "QEMU_EFI", "vars-template"),
	} {
		if n := r.Replace(base); n != base {
			names = append(names, n)
		}
	}
	var fallback *content
	for _, n := range unique(names) {
		if _, err := os.Stat(filepath.Join(dir, n)); err != nil {
			continue
		}
		v, err := inspectFile(filepath.Join(dir, n))
		if err != nil {
			continue
		}
		if _, err := match(q.arch, code, v, claims{}); err != nil {
			continue
		}
		if v.enrolled == q.SecureBoot {
			return v
		}
		if fallback == nil && !v.enrolled {
			fallback = v
		}
	}
	return fallback
}
