// Hashes of passwords.

package kickstart

import (
	"regexp"
	"slices"
	"strings"
)

// hashMethod is a way to hash passwords that crypt(3) knows.
type hashMethod struct {
	name     string
	prefixes []string
	whole    *regexp.Regexp
}

// The two that EL 10 makes itself.
var (
	// $6$Ht.xIsbr2EuPIcDJ$7zr/… or $6$rounds=65536$SALT$HASH, as by openssl passwd -6.
	sha512Hash = regexp.MustCompile(`^\$6\$(rounds=[0-9]{1,9}\$)?[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{86}$`)
	// $y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7, as by mkpasswd.
	yescryptHash = regexp.MustCompile(`^\$y\$[./0-9A-Za-z]{1,8}\$[./0-9A-Za-z]{1,86}\$[./0-9A-Za-z]{43}$`)
)

// hashMethods are those of libxcrypt 4.4 with a prefix: crypt(5).
var hashMethods = []hashMethod{
	{"sha512crypt", []string{"$6$"}, regexp.MustCompile(`^\$6\$(rounds=[0-9]{1,9}\$)?[^$:\s]{1,16}\$[./0-9A-Za-z]{86}$`)},
	{"yescrypt", []string{"$y$"}, yescryptHash},
	{"sha256crypt", []string{"$5$"}, regexp.MustCompile(`^\$5\$(rounds=[0-9]{1,9}\$)?[^$:\s]{1,16}\$[./0-9A-Za-z]{43}$`)},
	{"gost-yescrypt", []string{"$gy$"}, regexp.MustCompile(`^\$gy\$[./0-9A-Za-z]+\$[./0-9A-Za-z]{1,86}\$[./0-9A-Za-z]{43}$`)},
	{"scrypt", []string{"$7$"}, regexp.MustCompile(`^\$7\$[./0-9A-Za-z]{11,97}\$[./0-9A-Za-z]{43}$`)},
	{"bcrypt", []string{"$2$", "$2a$", "$2b$", "$2x$", "$2y$"}, regexp.MustCompile(`^\$2[abxy]\$[0-9]{2}\$[./0-9A-Za-z]{53}$`)},
	{"sha1crypt", []string{"$sha1$"}, regexp.MustCompile(`^\$sha1\$[1-9][0-9]*\$[./0-9A-Za-z]{1,64}\$[./0-9A-Za-z]{8,64}$`)},
	{"SunMD5", []string{"$md5$", "$md5,"}, regexp.MustCompile(`^\$md5(,rounds=[1-9][0-9]*)?\$[./0-9A-Za-z]{8}\${1,2}[./0-9A-Za-z]{22}$`)},
	{"md5crypt", []string{"$1$"}, regexp.MustCompile(`^\$1\$[^$:\s]{1,8}\$[./0-9A-Za-z]{22}$`)},
}

// HashMethod names the method of crypt(3) whose prefix a password has, as in
// "sha512crypt", and says whether it is a whole hash of it. "": nobody means the
// password as a hash.
func HashMethod(password string) (method string, whole bool) {
	for i := range hashMethods {
		m := &hashMethods[i]
		if slices.ContainsFunc(m.prefixes, func(prefix string) bool { return strings.HasPrefix(password, prefix) }) {
			return m.name, m.whole.MatchString(password)
		}
	}
	return "", false
}

// IsHashed reports whether password is a sha512crypt ($6$…) or yescrypt ($y$…)
// hash: the two that EL 10 makes itself.
func IsHashed(password string) bool {
	return sha512Hash.MatchString(password) || yescryptHash.MatchString(password)
}
