package oci

import (
	"fmt"
	"os"
	"path/filepath"

	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
)

// Credentials finds the credentials for a registry.
type Credentials = auth.CredentialFunc

// DockerCredentials finds credentials as docker does: in its configuration file, $DOCKER_CONFIG/config.json or
// ~/.docker/config.json, and by the helper programs that this names.
func DockerCredentials() (Credentials, error) {
	if err := checkDockerConfig(); err != nil {
		return nil, err
	}
	store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
	if err != nil {
		return nil, err
	}
	return credentials.Credential(store), nil
}

// checkDockerConfig returns an error for a configuration file that is no file, which could be read for ever.
func checkDockerConfig() error {
	folder := os.Getenv("DOCKER_CONFIG")
	if folder == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil //nolint:nilerr // there is no such file then
		}
		folder = filepath.Join(home, ".docker")
	}
	path := filepath.Join(folder, "config.json")
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	return nil
}

// FileCredentials finds credentials in the bytes of a configuration file of docker. It runs no helper programs.
func FileCredentials(text []byte) (Credentials, error) {
	store, err := credentials.NewMemoryStoreFromDockerConfig(text)
	if err != nil {
		return nil, err
	}
	return credentials.Credential(store), nil
}
