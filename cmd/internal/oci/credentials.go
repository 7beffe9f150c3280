package oci

import (
	"context"

	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
)

// DockerCredentials finds credentials as docker does: in its configuration file, $DOCKER_CONFIG/config.json or
// ~/.docker/config.json, and by the helper programs that this names.
func DockerCredentials() (auth.CredentialFunc, error) {
	store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
	if err != nil {
		return nil, err
	}
	return credentials.Credential(store), nil
}

// FileCredentials finds credentials in the bytes of a configuration file of docker. It runs no helper programs.
func FileCredentials(text []byte) (auth.CredentialFunc, error) {
	store, err := credentials.NewMemoryStoreFromDockerConfig(text)
	if err != nil {
		return nil, err
	}
	find := credentials.Credential(store)
	return func(ctx context.Context, registry string) (auth.Credential, error) { return find(ctx, registry) }, nil
}
