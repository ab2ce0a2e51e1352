package sbom

import (
	"crypto/sha256"
	"fmt"
	"regexp"

	"github.com/github/go-spdx/v2/spdxexp"
)

// maxExpression is more than any licence takes, in bytes: the parser's time
// grows with its square.
const maxExpression = 4096

// expression is a declared licence as an SPDX expression, if it is one, with
// identifiers as SPDX spells them. Distributions have had other ways to write
// licences: "GPLv3+ and MIT".
func expression(declared string) (string, bool) {
	if len(declared) > maxExpression {
		return "", false
	}
	valid, _ := spdxexp.ValidateAndNormalizeLicensesWithOptions([]string{declared}, spdxexp.ValidateLicensesOptions{
		FailAllDocumentRefs: true, // it would refer to a document that nobody has
	})
	if len(valid) != 1 {
		return "", false
	}
	return valid[0], true
}

// licenses are those that SPDX does not list, by their identifiers in a document.
type licenses map[string]string

// declared is what an SPDX document says of a declared licence: an expression,
// of an identifier of the document's own where the text is none.
func (l licenses) declared(text string) string {
	if text == "" {
		return "NOASSERTION"
	}
	e, ok := expression(text)
	if !ok {
		id := fmt.Sprintf("LicenseRef-%x", sha256.Sum256([]byte(text)))[:len("LicenseRef-")+16]
		l[id] = text
		return id
	}
	for _, id := range reference.FindAllString(e, -1) {
		l[id] = "The package declares this licence by its identifier alone."
	}
	return e
}

var reference = regexp.MustCompile(`LicenseRef-[A-Za-z0-9.-]+`)
