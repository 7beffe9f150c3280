package names

import (
	"errors"
	"regexp"
)

// The names of implementations, put together from the patterns of their parts.
const (
	semver       = `(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)` + prerelease + build
	prerelease   = `(?:-` + preID + `(?:\.` + preID + `)*)?`
	preID        = `(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)`
	build        = `(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?`
	words        = `[a-z][0-9a-z]*(?:-[0-9a-z]+)*`
	label        = `(?:[a-z][0-9a-z]*|[A-Z][0-9A-Z]*)(?:-(?:[0-9a-z]+|[0-9A-Z]+))*`
	pkg          = words + `:` + words + `(?:/` + label + `)?`
	versionRange = `(?:\*|\{>=` + semver + `\}|\{<` + semver + `\}|\{>=` + semver + ` <` + semver + `\})`
	hash         = `sha(?:256|384|512)-[0-9A-Za-z+/]+={0,2}(?:\?\S*?)?`
	integrity    = `integrity=<\s*` + hash + `(?:\s+` + hash + `)*\s*>`
)

var (
	versionPattern        = regexp.MustCompile(`^` + semver + `$`)
	implementationPattern = regexp.MustCompile(`^(?:unlocked-dep=<` + pkg + `(?:@` + versionRange + `)?>` +
		`|locked-dep=<` + pkg + `(?:@` + semver + `)?>(?:,` + integrity + `)?` +
		`|url=<[^<>]*>(?:,` + integrity + `)?` +
		`|` + integrity + `)$`)
)

// checkImplementation checks the name of an import that says by which implementation it is met.
func checkImplementation(text string) error {
	if !implementationPattern.MatchString(text) {
		return errors.New(`names with = are like url=<URL>, locked-dep=<wasi:io@0.2.0>, unlocked-dep=<wasi:io@{>=0.2.0}> or integrity=<sha256-HASH>`)
	}
	return nil
}
