package oci

import (
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
)

// Credentials finds the credentials for a registry.
type Credentials = auth.CredentialFunc

// DockerCredentials finds credentials as docker does: in its configuration file, $DOCKER_CONFIG/config.json or
// ~/.docker/config.json, and by the helper programs that this names.
func DockerCredentials() (Credentials, error) {
	store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
	if err != nil {
		return nil, err
	}
	return credentials.Credential(store), nil
}

// FileCredentials finds credentials in the bytes of a configuration file of docker. It runs no helper programs.
func FileCredentials(text []byte) (Credentials, error) {
	store, err := credentials.NewMemoryStoreFromDockerConfig(text)
	if err != nil {
		return nil, err
	}
	return credentials.Credential(store), nil
}
