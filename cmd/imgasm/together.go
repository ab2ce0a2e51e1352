// Flags that do not go together, and flags that do nothing by themselves.

package main

import (
	"fmt"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"
)

// exclusive are flags of which a command takes one. What nobody typed gives way.
var exclusive = sync.OnceValue(func() [][]string {
	return append([][]string{
		{"quiet", "verbose"}, {"root-password", "root-password-file", "lock-root"}, {"password", "password-file"},
		{"builders", "on"}, {"identity", "password-file"}, {"user", "user-data"}, {"cdrom", "source"}, {"write", "check"}, {"write", "diff"},
		{"json", "sarif"}, {"ls", "cat", "sbom"}, {"disk-size", "free"}, {"update", "flake"}, {"update", "offline"},
	}, ownKickstart()...)
})

// becauseOf is why some of them exclude others.
var becauseOf = map[string]string{
	"kickstart": "a kickstart of your own is taken as it is: write users, passwords, packages and the like into it",
	"flake":     "of your own flake nix flake update renews the lock, in its folder",
}

// ownKickstart are the settings of our kickstart, each with the flag that names another.
func ownKickstart() (all [][]string) {
	for _, f := range almaFlags() {
		if group, _ := shownGroup(f.(cli.CategorizableFlag).GetCategory()); group == groupSystem {
			all = append(all, []string{f.Names()[0], "kickstart"})
		}
	}
	return all
}

// idle are flags that do nothing where a verb that has the others is given none of them.
var idle = []struct {
	flag, why string
	others    []string
}{
	{"lock-file", "names the file of another flag: add --lock or --locked", []string{"lock", "locked"}},
	{"disk-size", onlyAssembled, []string{"assemble"}},
	{"free", onlyAssembled, []string{"assemble"}},
	{"esp-size", onlyAssembled, []string{"assemble"}},
}

const onlyAssembled = "is about a disk that imgasm makes: add --assemble"

// together refuses flags that exclude each other or do nothing by themselves.
func (a *app) together(c *cli.Context) error {
	given := wanted(c)
	for _, some := range exclusive() {
		both := slices.DeleteFunc(slices.Clone(some), func(flag string) bool { return !given(flag) })
		if len(both) > 1 {
			return &usageError{fmt.Sprintf("choose either %s or %s", dashed(both[0]), dashed(both[1])), becauseOf[both[1]]}
		}
	}
	for _, i := range idle {
		if slices.ContainsFunc(c.Command.Flags, func(f cli.Flag) bool { return f.Names()[0] == i.others[0] }) && !slices.ContainsFunc(i.others, given) {
			if err := a.unused(c, i.why, i.flag); err != nil {
				return err
			}
		}
	}
	return nil
}

// wanted reports whether a flag is set, and not to false.
func wanted(c *cli.Context) func(flag string) bool {
	return func(flag string) bool { return c.IsSet(flag) && c.Value(flag) != any(false) }
}

// excluded reports whether has has a flag that a command does not take besides this one.
func excluded(flag string, has func(string) bool) bool {
	return slices.ContainsFunc(exclusive(), func(some []string) bool {
		return slices.Contains(some, flag) && slices.ContainsFunc(some, func(other string) bool { return other != flag && has(other) })
	})
}

// unused refuses those of flags that were typed, where they would do nothing.
func (a *app) unused(c *cli.Context, why string, flags ...string) error {
	for _, flag := range flags {
		if a.typed(c, flag) {
			return a.usage("%s %s", dashed(flag), why)
		}
	}
	return nil
}
