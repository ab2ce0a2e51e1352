// The accounts of the images that imgasm replaces.

package kickstart

// DefaultRootPassword is root's password in an image made without one given.
// It is public: such an image is for machines that nobody else can reach.
const DefaultRootPassword = "packer"

// DefaultUsers are the users of an image made without any given: admin, with
// password "admin" and sudo without password.
func DefaultUsers() []User {
	return []User{{Name: "admin", Password: "admin", Sudo: true}}
}
