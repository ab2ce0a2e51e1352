// The search itself: candidates from descriptors and from known places, each
// vetted by its content, in order of preference.

package firmware

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
)

// Looked is one place that was looked at, and why it gave nothing.
type Looked struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// candidate is a pair that somebody claims to exist.
type candidate struct {
	code, vars  string // absolute paths as claimed, without Query.Root
	claims      claims
	source      string
	description string
}

// claims is what a descriptor or the table says about a firmware.
type claims struct {
	secureBoot bool // the code can do Secure Boot
	smm        bool // the code needs SMM
}

type search struct {
	query      Query
	everything bool // pairs with and without Secure Boot
	looked     []Looked
}

func (s *search) look(path, why string) {
	s.looked = append(s.looked, Looked{Path: path, Why: why})
}

// all returns the pairs that fit, best first. A firmware that can do Secure
// Boot but has no keys fits a query without Secure Boot, after those that
// cannot: it needs SMM, which costs time in each boot.
func (s *search) all(ctx context.Context) []Pair {
	var pairs, late []Pair
	seen := map[[2]string]bool{}
	for _, c := range append(s.descriptors(ctx), s.known(ctx)...) {
		if ctx.Err() != nil {
			return nil
		}
		p, err := s.vet(c)
		if err != nil {
			s.look(c.code, err.Error())
			continue
		}
		key := [2]string{p.Code.Path, p.Vars.Path}
		if seen[key] {
			continue
		}
		seen[key] = true
		if !s.everything && p.SecureBoot != s.query.SecureBoot {
			why := "enforces Secure Boot, which was not asked for"
			if s.query.SecureBoot {
				why = "has no Secure Boot keys"
			}
			s.look(c.code, why)
			continue
		}
		if !s.everything && p.SMM && !p.SecureBoot {
			late = append(late, *p)
		} else {
			pairs = append(pairs, *p)
		}
	}
	return slices.Concat(pairs, late, s.trees(ctx))
}

// trees searches the unpacked packages.
func (s *search) trees(ctx context.Context) []Pair {
	var out []Pair
	for _, root := range s.query.Trees {
		sub := search{query: Query{Arch: s.query.Arch, arch: s.query.arch, SecureBoot: s.query.SecureBoot, Root: root}, everything: s.everything}
		pairs := sub.all(ctx)
		if len(pairs) == 0 {
			s.look(root, "has no fitting firmware for "+s.query.Arch)
		}
		for _, p := range pairs {
			p.Source += " in " + root
			out = append(out, p)
		}
	}
	return out
}

// vet looks into the candidate's files and makes a pair of them.
func (s *search) vet(c candidate) (*Pair, error) {
	code, err := inspectFile(s.path(c.code))
	if err != nil {
		return nil, plainError(err)
	}
	var vars *content
	if c.vars != "" {
		if vars, err = inspectFile(s.path(c.vars)); err != nil {
			return nil, fmt.Errorf("variables %s: %w", c.vars, plainError(err))
		}
	}
	p, err := match(s.query.arch, code, vars, c.claims)
	if err != nil {
		return nil, err
	}
	p.Source, p.Description = c.source, c.description
	return p, nil
}

// path puts the query's root before an absolute path of the searched system.
func (s *search) path(p string) string {
	if s.query.Root == "" {
		return p
	}
	return filepath.Join(s.query.Root, p)
}

// plainError shortens the operating system's error: the path stands beside it.
func plainError(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		if errors.Is(pe.Err, fs.ErrNotExist) {
			return errors.New("is not there")
		}
		return pe.Err
	}
	return err
}
