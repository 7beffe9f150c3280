package endpoint

import (
	"errors"
	"fmt"
	"strings"

	"github.com/reactord/reactord/cmd/reactorctl/internal/settings"
)

// Check returns every fault of what is to be kept about a daemon: of its address, and of the files for it.
func Check(address string, access settings.Access) error {
	address = strings.TrimPrefix(address, dnsScheme)
	faults := []error{checkForm(address)}
	if access.TokenFile != "" {
		_, err := tokenIn(access.TokenFile)
		faults = append(faults, err)
	}
	_, err := (&Endpoint{Address: address}).findTLS(access)
	return errors.Join(append(faults, err)...)
}

// checkForm returns what is wrong with the form of an address.
func checkForm(address string) error {
	path, ok := strings.CutPrefix(address, "unix:")
	if !ok {
		return checkAddress(address)
	}
	if rest, slashes := strings.CutPrefix(path, "//"); rest == "" || slashes && !strings.HasPrefix(rest, "/") {
		return fmt.Errorf("%q is not an address: it has no path; give unix:///PATH", address)
	}
	return nil
}
