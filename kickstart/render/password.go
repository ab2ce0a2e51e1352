// Passwords: hashed before they are written, so that no kickstart file and no
// medium that imgasm makes holds one in clear text.

package render

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/GehirnInc/crypt/sha512_crypt"

	"github.com/imgasm/imgasm/kickstart"
)

// maxPassword is the longest password that crypt(3) takes, in bytes:
// CRYPT_MAX_PASSPHRASE_SIZE less the final NUL. A longer one could never be
// typed at a login.
const maxPassword = 511

// HashPassword gives the sha512crypt hash of password for crypt(3). A hash
// (see kickstart.IsHashed) is returned as it is.
//
// The salt is derived from seed and account and so is the same in every run:
// media made from the same plan are byte-identical. Different seeds or accounts
// give different salts. The password itself has no part in the salt.
//
// Refused are empty passwords, those with control characters or over 511
// bytes, which could not be typed at a login, and what begins like a hash and
// is none: most often a hash whose dollar signs a shell has eaten.
func HashPassword(password string, seed []byte, account string) (string, error) {
	method, _ := kickstart.HashMethod(password)
	switch {
	case kickstart.IsHashed(password):
		return password, nil
	case method != "":
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
