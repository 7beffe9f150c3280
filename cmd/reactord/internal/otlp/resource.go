package otlp

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// serviceName is what the daemon is called if OTEL_SERVICE_NAME does not say so.
const serviceName = "reactord"

// Resource says who sends: the daemon and its version on this host, and what OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say.
func Resource(ctx context.Context, version string) (*resource.Resource, error) {
	r, err := resource.New(ctx,
		resource.WithHost(),
		resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", serviceName), attribute.String("service.version", version)),
		resource.WithFromEnv(),
	)
	if err != nil {
		return nil, fmt.Errorf("$OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return r, nil
}
