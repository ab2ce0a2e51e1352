// The accounts of the images that imgasm replaces, and what a user's wishes
// make of them.

package render

import "cmp"

// DefaultRootPassword is root's password in an image made without one given.
// It is public: such an image is for machines that nobody else can reach.
const DefaultRootPassword = "packer"

// DefaultUsers are the users of an image made without any given: admin, with
// password "admin" and sudo without password.
func DefaultUsers() []User {
	return []User{{Name: "admin", Password: "admin", Sudo: true}}
}

// Accounts are wishes for who can log in to an image. The zero value gives
// DefaultRootPassword and DefaultUsers.
type Accounts struct {
	RootPassword string // or its hash; empty: see Set
	LockRoot     bool   // no password for root
	User         string // name of the user with sudo; empty: the default user's
	Password     string // of User, or its hash; empty: see Set
	SSHKeys      []string
	// KeysOnly gives nobody a password that is not given here: without a key and
	// without a name for the user there is none, and cloud-init makes one.
	KeysOnly bool
}

// Set puts the accounts into o. The default passwords are for a wish that names
// no way in: as soon as there is a key or any password, nobody has a password that
// was not given. A user who was named and has neither password nor key is an
// ErrOption.
func (a Accounts) Set(o *Options) error {
	keys := len(a.SSHKeys) > 0
	wished := keys || a.RootPassword != "" || a.Password != ""
	o.RootPassword, o.RootSSHKeys = a.RootPassword, a.SSHKeys
	if a.KeysOnly && !wished && a.User == "" {
		o.Users = nil
		return nil
	}
	if !wished && !a.LockRoot {
		o.RootPassword = DefaultRootPassword
	}
	user := DefaultUsers()[0]
	user.Name = cmp.Or(a.User, user.Name)
	if wished || a.User != "" {
		user.Password = a.Password
	}
	if a.User != "" && a.Password == "" && !keys {
		return refuse("user "+user.Name, "", "could not log in: give a password or an ssh key")
	}
	user.SSHKeys = a.SSHKeys
	o.Users = []User{user}
	return nil
}
