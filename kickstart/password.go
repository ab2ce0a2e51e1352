// Passwords: hashed before they are written, so that no kickstart file and no
// medium that imgasm makes holds one in clear text.

package kickstart

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/GehirnInc/crypt/sha512_crypt"
)

// maxPassword is the longest password that crypt(3) takes, in bytes:
// CRYPT_MAX_PASSPHRASE_SIZE less the final NUL. A longer one could never be
// typed at a login.
const maxPassword = 511

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

// meantAsHash finds the method whose prefix a password has, and whether it is a
// whole hash of it. nil: nobody means it as a hash.
func meantAsHash(password string) (method *hashMethod, whole bool) {
	for i := range hashMethods {
		m := &hashMethods[i]
		if slices.ContainsFunc(m.prefixes, func(prefix string) bool { return strings.HasPrefix(password, prefix) }) {
			return m, m.whole.MatchString(password)
		}
	}
	return nil, false
}

// IsHashed reports whether password is a sha512crypt ($6$…) or yescrypt ($y$…)
// hash: the two that EL 10 makes itself.
func IsHashed(password string) bool {
	return sha512Hash.MatchString(password) || yescryptHash.MatchString(password)
}

// HashPassword gives the sha512crypt hash of password for crypt(3). A hash
// (see IsHashed) is returned as it is.
//
// The salt is derived from seed and account and so is the same in every run:
// media made from the same plan are byte-identical. Different seeds or accounts
// give different salts. The password itself has no part in the salt.
//
// Refused are empty passwords, those with control characters or over 511
// bytes, which could not be typed at a login, and what begins like a hash and
// is none: most often a hash whose dollar signs a shell has eaten.
func HashPassword(password string, seed []byte, account string) (string, error) {
	method, _ := meantAsHash(password)
	switch {
	case IsHashed(password):
		return password, nil
	case method != nil:
		return "", errors.New("looks like a password hash, but is no complete $6$ (sha512crypt) or $y$ (yescrypt) hash; in a shell, write it in single quotes")
	case password == "":
		return "", errors.New("is empty")
	case len(password) > maxPassword:
		return "", fmt.Errorf("has %d bytes, more than the %d that a login accepts", len(password), maxPassword)
	case !utf8.ValidString(password):
		return "", errors.New("is not UTF-8")
	case strings.IndexFunc(password, unicode.IsControl) >= 0:
		return "", errors.New("contains a control character, such as a line end")
	}
	return sha512_crypt.New().Generate([]byte(password), []byte(sha512_crypt.MagicPrefix+salt(seed, account)))
}

// salt derives the 16 characters that sha512crypt uses at most.
func salt(seed []byte, account string) string {
	const alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	mac := hmac.New(sha256.New, seed)
	mac.Write([]byte("imgasm password salt\x00" + account))
	sum := mac.Sum(nil)[:sha512_crypt.SaltLenMax]
	for i, b := range sum {
		sum[i] = alphabet[b%byte(len(alphabet))]
	}
	return string(sum)
}
